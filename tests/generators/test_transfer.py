"""An edit's motion and colour, found in the morph and given to the photograph."""

import json

import pytest
import torch
import torch.nn.functional as F

from rlsuite import generators
from rlsuite.cli.app import call
from rlsuite.errors import UserError
from rlsuite.generators import projection
from rlsuite.generators.images import write_png
from rlsuite.generators.transfer import Change, estimate_change, transfer_edit


def soft(size: int = 32, seed: int = 0, channels: int = 3) -> torch.Tensor:
    """A smooth picture: what a flow can be seen on."""
    noise = torch.rand((1, channels, 8, 8), generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, size=size, mode="bicubic").clamp(0, 1)[0]


def shift(down: float, right: float, size: int = 4, channels: int = 1) -> Change:
    nothing = Change.nothing(channels, (size, size))
    flow = torch.tensor([float(down), float(right)])[:, None, None].expand(2, size, size).clone()
    return Change(flow, nothing.colour)


def tint(gain: float, lift: float, size: int = 4) -> Change:
    colour = torch.tensor([gain, lift]).view(1, 2, 1, 1).expand(1, 2, size, size).clone()
    return Change(torch.zeros(2, size, size), colour)


def test_nothing_changes_nothing():
    image = soft()
    assert torch.allclose(Change.nothing(3, (32, 32)).apply(image), image, atol=1e-6)
    assert torch.allclose(Change.nothing(3, (8, 8)).apply(image), image, atol=1e-6)


def test_flow_and_colour_by_hand():
    image = torch.tensor([[[0.1, 0.2, 0.3, 0.4]] * 4])
    moved = shift(0, 1).apply(image)  # each pixel takes what lies to its right; the last one its own
    assert torch.allclose(moved[0, 0], torch.tensor([0.2, 0.3, 0.4, 0.4]), atol=1e-6)
    assert torch.allclose(tint(2.0, 0.1).apply(image)[0, 0], torch.tensor([0.3, 0.5, 0.7, 0.9]), atol=1e-6)
    assert torch.allclose(tint(2.0, 0.5).apply(image)[0, 0], torch.tensor([0.7, 0.9, 1.0, 1.0]), atol=1e-6)


def test_a_change_grows_with_the_photograph():
    """One pixel of four is two pixels of eight."""
    image = torch.arange(8.0).expand(1, 8, 8) / 10
    assert torch.allclose(shift(0, 1).apply(image)[0, 0, :6], torch.arange(2.0, 8.0) / 10, atol=1e-6)


def test_changes_add_up_by_hand():
    both = shift(0, 1).then(shift(0, 1))
    assert torch.allclose(both.flow[1], torch.full((4, 4), 2.0))
    both = tint(0.5, 0.1).then(tint(2.0, 0.2))  # 2 (0.5 v + 0.1) + 0.2
    assert torch.allclose(both.colour[0, :, 0, 0], torch.tensor([1.0, 0.4]))
    ramp = Change(torch.zeros(2, 4, 4), torch.ones(1, 2, 4, 4) * torch.arange(4.0))  # gain and lift by column
    both = ramp.then(shift(0, 1))  # what was at the right comes with its colour
    assert torch.allclose(both.colour[0, 0, 0], torch.tensor([1.0, 2.0, 3.0, 3.0]))


def test_one_after_the_other_is_both_at_once():
    image = soft(16)
    first = Change(torch.zeros(2, 16, 16), Change.nothing(3, (16, 16)).colour * 0.8)
    second = Change(shift(1, 0, 16, 3).flow, Change.nothing(3, (16, 16)).colour + 0.02)
    assert torch.allclose(first.then(second).apply(image), second.apply(first.apply(image)), atol=1e-5)


def test_a_known_shift_is_found():
    wide = soft(40)
    before, after = wide[:, 4:36, 4:36], wide[:, 4:36, 5:37]  # each pixel shows what lay one to its right
    change = estimate_change(before, after, iterations=150)
    inner = change.flow[:, 4:-4, 4:-4]
    assert float(inner[1].mean()) == pytest.approx(1.0, abs=0.3)
    assert float(inner[0].mean()) == pytest.approx(0.0, abs=0.15)
    assert float((change.apply(before) - after).abs().mean()) < 0.35 * float((before - after).abs().mean())


def test_a_known_tint_is_found():
    before = soft()
    change = estimate_change(before, before * 0.6 + 0.2, iterations=150)
    assert float((change.apply(before) - (before * 0.6 + 0.2)).abs().mean()) < 0.02
    assert float(change.flow.abs().mean()) < 0.4


def test_the_photographs_detail_survives():
    """The morph only darkens; the photograph has stripes that the morph has not."""
    base = soft()
    frames = torch.stack([base, base * 0.8, base * 0.6])
    stripes = 0.1 * ((torch.arange(64) % 2) - 0.5).expand(3, 64, 64)
    photo = (F.interpolate(base[None], size=64, mode="bilinear")[0] * 0.8 + 0.1 + stripes).clamp(0, 1)
    made = transfer_edit(frames, photo, iterations=100)
    assert made.shape == (3, 3, 64, 64)
    assert torch.equal(made[0], photo)
    assert float((made[2] / photo).mean()) == pytest.approx(0.6, abs=0.12)
    assert float(made[2].diff(dim=2).abs().mean()) > 0.4 * float(photo.diff(dim=2).abs().mean())


def test_mistakes_are_told():
    with pytest.raises(UserError, match="are not one"):
        estimate_change(soft(16), soft(32))
    with pytest.raises(UserError, match="channels are wanted"):
        transfer_edit(soft()[None], soft(channels=1))


def test_the_verb_films_the_way_and_gives_it_to_the_photograph(tmp_path, capsys, monkeypatch):
    teach = projection.fit_predictor
    monkeypatch.setattr(projection, "fit_predictor", lambda *a, **k: teach(*a, **{**k, "n_steps": 2}))

    made = generators.make("dcgan", {"preset": "tiny", "latent": 4})
    made.save(tmp_path / "bundle")
    write_png(tmp_path / "photo.png", soft(24))
    write_png(tmp_path / "paint.png", torch.ones(4, 16, 16))
    words = ["edit", str(tmp_path / "bundle"), "--start", str(tmp_path / "photo.png"), "-n", "1", "--iterations", "1"]
    words += ["--colour", str(tmp_path / "paint.png"), "--transfer", "--film", "--out", str(tmp_path / "x.png")]
    assert call([*words, "--json"]) == 0
    names = {path.rpartition("/")[2] for path in json.loads(capsys.readouterr().out)["pictures"]}
    assert names == {"x.png", "x-morph.png", "x-transfer.png", "x-morph.mp4", "x-transfer.mp4"}
    assert generators.read_image(tmp_path / "x-transfer.png").shape[2:] == (24, 24 * 16 + 15)
    assert call([*words[:2], "--start", "3", "--colour", str(tmp_path / "paint.png"), "--transfer"]) == 2
    assert "--start" in capsys.readouterr().err
