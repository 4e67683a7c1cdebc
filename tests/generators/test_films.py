"""Films: the two streams, their figures, the sets they learn from, and their runs."""

import json

import pytest
import torch
from torch import nn

from rlsuite import generators
from rlsuite.cli.app import call
from rlsuite.errors import UserError
from rlsuite.experiment import train
from rlsuite.generators.augment import diff_augment
from rlsuite.generators.config import AugmentConfig
from rlsuite.generators.contracts import capabilities
from rlsuite.generators.data.imageset import ImageSet
from rlsuite.generators.images import film_frames, film_strips, write_png
from rlsuite.generators.video.films import augment_films, diff_augment_films
from rlsuite.generators.video.measures import film_distance, motion_energy, still_share
from rlsuite.generators.video.networks import FilmDecoder, FilmJudge, FilmShape, LatentStem
from rlsuite.testing import check_generator

TINY = {"preset": "tiny", "batch_size": 4}


def random_films(n: int = 12, n_frames: int = 8, size: int = 16, seed: int = 0) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    films = torch.randint(0, 256, (n, n_frames, 3, size, size), generator=generator, dtype=torch.uint8)
    return ImageSet("noise", films, [str(i) for i in range(n)])


@pytest.mark.parametrize("options", [{}, {"streams": "one"}], ids=["two", "one"])
def test_videogan_keeps_the_contract(options):
    claims = ["samples", "decodes", "ranks"]
    check_generator(
        lambda seed: generators.make("videogan", {**TINY, **options}, seed=seed), random_films(), claims=claims
    )
    assert capabilities(generators.make("videogan", TINY)) == claims


def test_the_future_keeps_the_contract():
    first = random_films(1).floats()[:, 0]
    check_generator(
        lambda seed: generators.make("videogan_future", TINY, seed=seed),
        random_films(),
        claims=["samples", "ranks"],
        condition=first,
    )


@pytest.mark.parametrize(("size", "n_frames", "first"), [(64, 32, 2), (16, 8, 2), (32, 8, 2), (16, 32, 8), (16, 2, 2)])
def test_films_of_any_length_come_out_as_they_went_in(size, n_frames, first):
    shape = FilmShape(size, n_frames, 3, 2)
    assert shape.first_frames == first
    drawn = FilmDecoder(LatentStem(5, shape), shape, two=True)(torch.randn(2, 5))
    assert drawn.film.shape == (2, 3, n_frames, size, size)
    assert drawn.mask.shape == (2, 1, n_frames, size, size)
    assert FilmJudge(shape)(drawn.film).shape == (2,)


def test_the_published_networks_have_the_published_shapes():
    published = FilmShape(64, 32, 3, 64)
    assert [published.channels_at(stage) for stage in range(5)] == [3, 64, 128, 256, 512]
    shape = FilmShape(64, 32, 3, 4)  # a sixteenth as wide
    decoder = FilmDecoder(LatentStem(100, shape), shape, two=True)
    ups = [m for m in decoder.moving if isinstance(m, nn.ConvTranspose3d)]
    assert [(m.in_channels, m.out_channels) for m in ups] == [(32, 16), (16, 8), (8, 4)]
    assert all(m.kernel_size == (4, 4, 4) and m.stride == (2, 2, 2) for m in ups)
    assert decoder.stem.moving.out_features == 32 * 2 * 4 * 4  # a 2 x 4 x 4 kernel on a single point


def test_the_mask_joins_foreground_and_background():
    shape = FilmShape(16, 8, 3, 2)
    decoder = FilmDecoder(LatentStem(4, shape), shape, two=True).eval()
    with torch.no_grad():
        decoder.mask.weight.zero_()
        decoder.mask.bias.fill_(-20.0)  # nothing of the foreground shows
        drawn = decoder(torch.randn(3, 4))
    assert torch.allclose(drawn.film, drawn.background[:, :, None].expand_as(drawn.film), atol=1e-6)
    with torch.no_grad():
        decoder.mask.bias.fill_(20.0)  # nothing of the background does
        decoder.foreground.weight.zero_()
        decoder.foreground.bias.fill_(1.0)
        drawn = decoder(torch.randn(3, 4))
    assert torch.allclose(drawn.film, torch.full_like(drawn.film, 0.76159416), atol=1e-6)  # tanh(1)


def test_a_dearer_mask_gets_smaller():
    def mean_mask(coef):
        made = generators.make("videogan", {**TINY, "mask_coef": coef, "learning_rate": 1e-2, "ema_decay": 0.0})
        made.fit(random_films(), n_steps=15)
        return float(made.draw(made.latent(4, 0)).mask.detach().mean())

    assert mean_mask(50.0) < 0.75 * mean_mask(0.0)


def test_one_stream_pays_nothing_for_its_mask():
    made = generators.make("videogan", {**TINY, "streams": "one"})
    state = made.fit_state(random_films(), seed=0)
    other = generators.make("videogan", {**TINY, "streams": "one", "mask_coef": 9.0}).fit_state(random_films(), seed=0)
    assert {k: float(v) for k, v in state.step().items()} == {k: float(v) for k, v in other.step().items()}


def test_the_future_begins_with_what_was_given():
    data = generators.load_images({"id": "shapes/moving", "n_films": 8}, generators.make("videogan_future", TINY).spec)
    made = generators.make("videogan_future", {**TINY, "learning_rate": 2e-3, "first_frame_coef": 100.0})
    frames = data.floats()[:, 0]

    def off():
        return float((made.sample(8, seed=0, condition=frames)[:, 0] - frames).abs().mean())

    before = off()
    made.fit(data, n_steps=40)
    assert off() < 0.6 * before
    with pytest.raises(UserError, match="one first frame or 3"):
        made.sample(3, seed=0, condition=frames[:2])
    with pytest.raises(UserError, match="goes on from a picture"):
        made.sample(3, seed=0)


def test_motion_by_hand():
    films = torch.zeros(1, 3, 1, 2, 2)
    films[0, 1, 0, 0, 0] = 0.4  # up by 0.4, then down by 0.4: 0.8 over 2 changes of 4 pixels
    assert motion_energy(films) == pytest.approx(0.1)
    assert still_share(films) == pytest.approx(0.75)
    with pytest.raises(UserError, match="at least 2 frames"):
        motion_energy(films[:, :1])


def test_film_distances_by_hand():
    def mean(images):
        return images.mean(dim=(1, 2, 3))[:, None]

    real = torch.zeros(2, 3, 1, 4, 4)
    real[:, 1], real[:, 2] = 0.25, 0.5  # grows by 0.25 a frame
    still = torch.full_like(real, 0.5)
    frames, changes = film_distance(real, still, features=mean)
    # frames looked at: 0 and 0.25 against 0.5 twice, so means 0.125 and 0.5, variance 4/3 * 0.125^2 and none
    assert frames == pytest.approx(0.375**2 + 4 / 3 * 0.125**2)
    assert changes == pytest.approx(0.125**2)  # differences stand as (d + 1) / 2
    assert film_distance(real, real, features=mean) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))


def test_changes_are_the_same_for_all_frames_of_a_film():
    still = torch.rand(3, 3, 1, 16, 16).expand(-1, -1, 4, -1, -1).contiguous() * 2 - 1
    generator = torch.Generator().manual_seed(0)
    turned = augment_films(still, AugmentConfig(flip=True, rotate=20, zoom=0.2), generator)
    assert float(turned.diff(dim=2).abs().max()) == 0
    assert not torch.allclose(turned, still)
    changed = diff_augment_films(still, ("colour", "translation", "cutout"), generator)
    assert float(changed.diff(dim=2).abs().max()) < 1e-6
    assert not torch.allclose(changed, still)
    picture = still[:, :, 0]  # a film of one frame changes as a picture does
    one = diff_augment_films(picture[:, :, None], ("colour",), torch.Generator().manual_seed(1))
    assert torch.allclose(one[:, :, 0], diff_augment(picture, ("colour",), torch.Generator().manual_seed(1)))


def test_moving_shapes_move_over_what_stands_still():
    found = generators.load_images({"id": "shapes/moving", "n_films": 20}, generators.make("videogan", TINY).spec)
    assert found.images.shape == (20, 8, 3, 16, 16)
    films = found.floats()
    assert 0.3 < still_share(films) < 0.95
    assert motion_energy(films) > 0.01
    again = generators.load_images({"id": "shapes/moving", "n_films": 20}, generators.make("videogan", TINY).spec)
    assert torch.equal(found.images, again.images)
    assert found.captions is not None
    assert " moving " in found.captions[0]


def test_directions_are_true():
    spec = generators.make("videogan", {**TINY, "channels": 4, "n_frames": 2}).spec
    found = generators.load_images({"id": "shapes/moving", "n_films": 60}, spec)
    cover = found.floats()[:, :, 3]
    columns = (torch.arange(16) + 0.5) / 16
    x = (cover.sum(dim=2) * columns).sum(dim=-1) / cover.sum(dim=(2, 3))
    right = torch.tensor([d == "right" for d in found.labels["direction"]])
    left = torch.tensor([d == "left" for d in found.labels["direction"]])
    moved = x[:, 1] - x[:, 0]
    assert float(moved[right].median()) > 0.1
    assert float(moved[left].median()) < -0.1


def test_films_ask_the_generator_how_long_they_are(tmp_path):
    from PIL import Image

    for i in range(9):
        Image.new("RGB", (16, 16), (i * 20, 0, 0)).save(tmp_path / f"{i:03d}.png")
    spec = generators.make("videogan", {**TINY, "n_frames": 4}).spec
    found = generators.load_images({"id": "clips", "path": str(tmp_path)}, spec)
    assert found.images.shape == (2, 4, 3, 16, 16)
    with pytest.raises(UserError, match="holds films"):
        generators.load_images({"id": "shapes/moving"}, generators.make("dcgan", TINY).spec)


def test_wrong_films_are_refused_by_name():
    made = generators.make("videogan", TINY)
    with pytest.raises(UserError, match="wants films of 8 frames"):
        made.fit(random_films(n_frames=4), n_steps=1)
    with pytest.raises(UserError, match="films n x"):
        made.score(random_films(n_frames=4).floats())
    with pytest.raises(UserError, match="n_frames 12 is no power of two"):
        generators.make("videogan", {"n_frames": 12})


def test_sheets_and_films_of_films():
    films = torch.rand(7, 8, 3, 16, 16)
    assert film_strips(films).shape == (3, 6 * 17 - 1, 6 * 17 - 1)
    assert torch.equal(film_strips(films)[:, :16, :16], films[0, 0])
    assert torch.equal(film_strips(films)[:, :16, -16:], films[0, -1])
    frames = list(film_frames(films, scale=2))
    assert len(frames) == 8
    assert frames[0].shape == (2 * (3 * 17 - 1), 2 * (3 * 17 - 1), 3)


def test_a_run_leaves_films_and_figures(tmp_path, capsys):
    config = {
        "name": "films",
        "budget": {"train_steps": 2},
        "generator": {"kind": "videogan", **TINY, "n_scored": 4},
        "data": {"id": "shapes/moving", "n_films": 16, "held_out": 0.25},
    }
    run = train(config, runs_dir=tmp_path, quiet=True)
    final = run.summary["final"]
    assert final["against"] == "held-out films"
    assert {"fd_lite0_frames", "fd_lite0_changes", "motion", "still", "mask_mean"} <= final.keys()
    assert (run.path / "videos" / "samples.mp4").stat().st_size > 0
    assert call(["sample", str(run.path), "-n", "2", "--out", str(tmp_path / "x.mp4"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"][0].endswith("x.mp4")
    write_png(tmp_path / "paint.png", torch.ones(4, 16, 16))
    for words in (["edit", "--start", "1", "--colour", str(tmp_path / "paint.png")], ["tiles"]):
        assert call([words[0], str(run.path), *words[1:]]) == 2
        assert "draws films" in (told := capsys.readouterr().err) or "no still images" in told


def test_films_become_a_gif_where_one_is_asked_for(tmp_path):
    from PIL import Image

    from rlsuite.cli.generating import write_sheet

    path = write_sheet(
        torch.rand(3, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0)), tmp_path / "x.gif", scale=2
    )
    with Image.open(path) as picture:
        assert (picture.n_frames, picture.size) == (4, (34, 34))  # two by two, a pixel between them
