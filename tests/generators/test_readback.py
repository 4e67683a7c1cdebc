"""Attributes read back from pictures."""

import pytest
import torch

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.readback import agreement, dicebear_attributes, fit_reader, hue_name


def two_tones(n: int = 64) -> ImageSet:
    """Dark and light pictures, some with a white top half."""
    stream = torch.Generator().manual_seed(0)
    images = torch.randint(0, 20, (n, 3, 16, 16), generator=stream, dtype=torch.uint8)
    light, capped = torch.arange(n) % 2 == 1, torch.arange(n) % 3 == 0
    images[light] += 150
    images[capped, :, :8] = 255
    labels = {"tone": ["light" if v else "dark" for v in light], "cap": ["yes" if v else "no" for v in capped]}
    return ImageSet("two-tones", images, [str(i) for i in range(n)], labels=labels)


def test_a_reader_learns_what_is_to_be_seen_and_not_what_it_was_told_by_chance() -> None:
    data = two_tones()
    reader = fit_reader(data, ["tone", "cap"], n_steps=40, batch_size=16)
    assert reader.accuracy(data) == {"tone": 1.0, "cap": 1.0}
    flipped = ImageSet("flipped", 255 - data.images, data.names, labels=data.labels)
    assert reader.accuracy(flipped)["cap"] < 0.9
    assert reader.read(torch.empty(0, 3, 16, 16)) == {"tone": [], "cap": []}


def test_the_same_seed_teaches_the_same_reader() -> None:
    first, again = (fit_reader(two_tones(), ["tone"], n_steps=3, batch_size=8, seed=5) for _ in range(2))
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_wrong_questions_are_refused() -> None:
    with pytest.raises(UserError, match="has no label 'hat'; it has tone, cap"):
        fit_reader(two_tones(), ["hat"], n_steps=1)
    reader = fit_reader(two_tones(), ["tone"], n_steps=1)
    with pytest.raises(UserError, match="16x16"):
        reader.read(torch.zeros(1, 3, 32, 32))


def test_colours_have_names() -> None:
    names = [hue_name(c) for c in ("#ff0000", "#ffd700", "#00b159", "#428bca", "#8000c0", "#ff0066")]
    assert names == ["red", "yellow", "green", "blue", "purple", "red"]
    assert agreement(["a", "b"], ["a", "c"]) == 0.5


def test_dicebears_labels_become_few() -> None:
    labels = {
        "glasses": ["none", "dark01"],
        "hat": ["variant04", "none"],
        "hair": ["long12", "short01"],
        "skinColor": ["#8d5524", "#ffdbac"],
        "clothingColor": ["#ae0001", "#428bca"],
        "hairColor": ["#603a14", "#cab188"],
    }
    data = ImageSet("dicebear", torch.zeros(2, 3, 16, 16, dtype=torch.uint8), ["a", "b"], labels=labels)
    assert dict(dicebear_attributes(data).labels) == {
        "glasses": ["no", "yes"],
        "hat": ["yes", "no"],
        "hair": ["long", "short"],
        "skin": ["dark", "light"],
        "clothes": ["red", "blue"],
        "hair_colour": ["dark", "light"],
    }


def test_restored_moments_lie_in_memory_as_their_weights_do() -> None:
    """The fused optimiser walks both side by side: another layout would mix up the moments of channels."""
    model = generators.make("dcgan", {"preset": "tiny"})
    data = generators.load_images({"id": "shapes", "n_shapes": 32}, model.spec)
    state = model.fit_state(data, seed=0)
    state.step()
    tree = state.state_dict()
    for optimizer in tree["optimizers"].values():
        for moments in optimizer["state"].values():
            moments.update({k: v.contiguous().clone() for k, v in moments.items()})  # as they come from the disk
    again = generators.make("dcgan", {"preset": "tiny"}, seed=1).fit_state(data, seed=1)
    again.load_state_dict(tree)
    for optimizer in again.optimizers.values():  # type: ignore[attr-defined]
        for parameter, moments in optimizer.state.items():
            assert moments["exp_avg"].stride() == parameter.stride()
