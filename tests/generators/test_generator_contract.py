"""Every generator keeps the contract, and the check catches those that do not."""

import pytest
import torch
from image_sets import random_set

from rlsuite import generators, registry
from rlsuite.errors import DataError, UserError
from rlsuite.generators.contracts import CAPABILITIES
from rlsuite.testing import ConformanceError, check_generator

TINY = {"preset": "tiny", "batch_size": 4}


@pytest.mark.parametrize("kind", ["dcgan", "began"])
def test_keeps_the_contract(kind):
    claims = registry.generators.get(kind).tags["capabilities"]
    check_generator(lambda seed: generators.make(kind, TINY, seed=seed), random_set(), claims=claims)


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(channels):
    made = generators.make("dcgan", {**TINY, "channels": channels})
    made.fit(random_set(channels=channels), n_steps=1)
    assert made.sample(2, seed=0).shape == (2, channels, 16, 16)


def test_every_generator_of_the_registry_says_what_it_can():
    for entry in registry.generators:
        assert entry.tags["capabilities"]
        assert set(entry.tags["capabilities"]) <= set(CAPABILITIES)
        assert entry.config_class().model_validate({"kind": entry.id}).kind == entry.id


@pytest.mark.parametrize("options", [{"loss": "hinge"}, {"loss": "lsgan", "generator_steps": 2}, {"kernel": 5}])
def test_options_of_dcgan(options):
    made = generators.make("dcgan", {**TINY, **options})
    assert made.fit(random_set(), n_steps=2).n_steps == 2


def test_augmented_training_keeps_the_contract():
    options = {
        "diff_augment": ["colour", "translation", "cutout"],
        "augment": {"flip": True, "rotate": 10, "zoom": 0.1},
    }
    check_generator(lambda seed: generators.make("dcgan", {**TINY, **options}, seed=seed), random_set())


class Biased(torch.nn.Module):
    """Draws from the global stream."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, latent):
        return self.inner(latent) + 3 + torch.rand(1)


def test_the_check_catches_what_is_wrong():
    def make(seed):
        made = generators.make("dcgan", TINY, seed=seed)
        made.decoder = Biased(made.decoder)
        return made

    with pytest.raises(ConformanceError) as caught:
        check_generator(make, random_set(), claims=["completes"])
    told = str(caught.value)
    assert "claims completes" in told
    assert "torch's global random stream" in told
    assert "values outside [0, 1]" in told
    assert "the same seed samples others" in told


def test_a_bundle_knows_its_kind(tmp_path):
    made = generators.make("dcgan", TINY, seed=5)
    made.save(tmp_path / "bundle")
    assert torch.equal(generators.load(tmp_path / "bundle").sample(2, seed=1), made.sample(2, seed=1))
    with pytest.raises(DataError, match="holds a dcgan, not a began"):
        type(generators.make("began", TINY)).load(tmp_path / "bundle")
    (tmp_path / "bundle" / "generator.safetensors").write_bytes(b"short")
    with pytest.raises(DataError, match="cut short"):
        generators.load(tmp_path / "bundle")


def test_wrong_data_is_refused_by_name():
    made = generators.make("dcgan", TINY)
    with pytest.raises(UserError, match="wants images of 16x16"):
        made.fit(random_set(size=8), n_steps=1)
    with pytest.raises(UserError, match="empty"):
        made.fit(random_set(n=0), n_steps=1)
    with pytest.raises(UserError, match="never end"):
        made.fit(random_set())
    with pytest.raises(UserError, match="takes no condition"):
        made.sample(1, seed=0, condition="a cat")
    with pytest.raises(UserError, match="power of two"):
        generators.make("dcgan", {"size": 24})
    with pytest.raises(UserError, match="did you mean dcgan"):
        generators.make("dcgann")


def test_a_trained_generator_goes_on_from_its_weights():
    made = generators.make("dcgan", TINY)
    made.fit(random_set(), n_steps=3)
    before = made.decoder.state_dict()["project.weight"].clone()
    state = made.fit_state(random_set(), seed=1)
    assert torch.equal(state.g.state_dict()["project.weight"], before)
