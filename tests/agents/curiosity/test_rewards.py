"""Every curiosity reward: the contract, the list of what curiosity must do, and each one's own formula."""

import dataclasses
from collections.abc import Callable

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlsuite import registry
from rlsuite.agents.contracts import Batch, LearnedReward, RewardContext
from rlsuite.agents.curiosity.config import (
    CuriosityConfig,
    DisagreementConfig,
    E3bConfig,
    IcmConfig,
    NovelDConfig,
    NoveltyConfig,
    PositionConfig,
    RndConfig,
)
from rlsuite.agents.curiosity.disagreement import DisagreementReward
from rlsuite.agents.curiosity.episodic import E3bReward, NoveltyReward
from rlsuite.agents.curiosity.icm import IcmReward
from rlsuite.agents.curiosity.noveld import NovelDReward
from rlsuite.agents.curiosity.pairing import Pairing
from rlsuite.agents.curiosity.position import PositionReward
from rlsuite.agents.curiosity.rnd import RndReward
from rlsuite.errors import UserError
from rlsuite.testing import check_learned_reward, random_batch, same_bits

VECTOR = gym.spaces.Box(-3.0, 3.0, (3,), np.float32)
PICTURE = gym.spaces.Box(0, 255, (4, 42, 42), np.uint8)
DISCRETE = gym.spaces.Discrete(4)
BOX = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)

CLASSES: dict[str, tuple[type, type]] = {
    "icm": (IcmReward, IcmConfig),
    "rnd": (RndReward, RndConfig),
    "noveld": (NovelDReward, NovelDConfig),
    "disagreement": (DisagreementReward, DisagreementConfig),
    "e3b": (E3bReward, E3bConfig),
    "episodic_novelty": (NoveltyReward, NoveltyConfig),
    "position_counts": (PositionReward, PositionConfig),
}
VARIANTS: dict[str, CuriosityConfig] = {
    "icm": IcmConfig(),
    "icm-pathak2017": IcmConfig.model_validate({"preset": "pathak2017"}),
    "icm-burda2018": IcmConfig.model_validate({"preset": "burda2018", "feature_dim": 32, "hidden": 32}),
    "icm-random": IcmConfig(features="random"),
    "icm-vae": IcmConfig(features="vae"),
    "icm-pixels": IcmConfig(features="pixels"),
    "rnd": RndConfig(feature_dim=16),
    "noveld": NovelDConfig(feature_dim=16, alpha=0.0),  # with alpha above 0 it may pay nothing
    "disagreement": DisagreementConfig(),
    "disagreement-inverse": DisagreementConfig(features="inverse"),
    "e3b": E3bConfig(feature_dim=8),
    "episodic_novelty": NoveltyConfig(feature_dim=8, memory=16),
    "episodic_novelty-lifelong": NoveltyConfig(feature_dim=8, memory=16, lifelong=True),
}


def context(obs: gym.Space = VECTOR, actions: gym.Space = DISCRETE, n_envs: int = 4, seed: int = 0) -> RewardContext:
    return RewardContext(obs, actions, n_envs=n_envs, gamma=0.99, device=torch.device("cpu"), seed=seed)


def build(config: CuriosityConfig, where: RewardContext) -> LearnedReward:
    return CLASSES[config.kind][0](config, where)  # type: ignore[attr-defined]


def maker(config: CuriosityConfig) -> Callable[[RewardContext], LearnedReward]:
    small = config.model_copy(update={"batch_size": 16, "hidden": 16})
    return lambda where: build(small, where)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("actions", [DISCRETE, BOX], ids=["discrete", "box"])
def test_the_contract_is_kept_on_vectors(variant: str, actions: gym.Space) -> None:
    check_learned_reward(maker(VARIANTS[variant]), observation_space=VECTOR, action_space=actions, non_negative=True)


@pytest.mark.parametrize(
    "variant", ["icm", "icm-pathak2017", "icm-vae", "rnd", "noveld", "e3b", "episodic_novelty-lifelong"]
)
def test_the_contract_is_kept_on_pictures(variant: str) -> None:
    check_learned_reward(
        maker(VARIANTS[variant]),
        observation_space=PICTURE,
        action_space=DISCRETE,
        non_negative=True,
        n_steps=3,
        n_envs=2,
        n_updates=1,
    )


@pytest.mark.parametrize("variant", ["icm-pathak2017", "icm-random", "icm-pixels", "rnd", "disagreement"])
def test_the_bonus_falls_as_the_model_learns(variant: str) -> None:
    config = VARIANTS[variant].model_copy(update={"learning_rate": 1e-2, "normalize": False, "ratio_per_action": False})
    check_learned_reward(maker(config), observation_space=VECTOR, action_space=DISCRETE, non_negative=True, falls=True)


def rollout(n_steps: int = 6, n_envs: int = 4, obs: gym.Space = VECTOR, seed: int = 0, **info: torch.Tensor) -> Batch:
    batch = random_batch(obs, DISCRETE, (n_steps, n_envs), seed=seed, **info)
    never = torch.zeros(n_steps, n_envs, dtype=torch.bool)
    return dataclasses.replace(batch, terminated=never, truncated=never.clone(), episode_start=never.clone())


def ending(batch: Batch, kind: str, t: int, env: int) -> Batch:
    flags = getattr(batch, kind).clone()
    flags[t, env] = True
    return dataclasses.replace(batch, **{kind: flags})


def stack(*batches: Batch) -> Batch:
    names = [f.name for f in dataclasses.fields(Batch) if f.name != "info"]
    info = {k: torch.cat([b.info[k] for b in batches]) for k in batches[0].info}
    return Batch(**{k: torch.cat([getattr(b, k) for b in batches]) for k in names}, info=info)


RAW = {"normalize": False, "ratio_per_action": False}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_bonus_depends_on_the_true_successor_not_on_the_next_row(variant: str) -> None:
    reward = build(VARIANTS[variant].model_copy(update=RAW), context())
    batch = ending(rollout(), "truncated", 2, 1)
    other_next_episode = batch.obs.clone()
    other_next_episode[3, 1] += 1.0
    state = reward.state_dict()
    first = reward.reward(batch)
    reward.load_state_dict(state)
    second = reward.reward(dataclasses.replace(batch, obs=other_next_episode))
    assert torch.equal(first[2, 1], second[2, 1])


@pytest.mark.parametrize("variant", VARIANTS)
def test_masked_terminals_pay_nothing_and_kept_ones_pay(variant: str) -> None:
    batch = ending(rollout(), "terminated", 2, 1)
    masked = build(VARIANTS[variant].model_copy(update={**RAW, "mask_terminal": True}), context()).reward(batch)
    kept = build(VARIANTS[variant].model_copy(update={**RAW, "mask_terminal": False}), context()).reward(batch)
    assert masked[2, 1] == 0.0
    assert kept[2, 1] > 0.0
    elsewhere = ~batch.terminated
    assert torch.equal(masked[elsewhere], kept[elsewhere])


def test_masked_terminals_are_not_learned_from() -> None:
    batch = ending(rollout(), "terminated", 2, 1)
    changed = batch.next_obs.clone()
    changed[2, 1] = 3.0
    results = []
    for given in (batch, dataclasses.replace(batch, next_obs=changed)):
        reward = IcmReward(IcmConfig(**RAW), context())
        reward.update(given)
        results.append(reward.state_dict()["model"])
    assert same_bits(*results)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_foreign_batch_changes_no_state(variant: str) -> None:
    reward = build(VARIANTS[variant], context())
    reward.reward(rollout())
    reward.update(rollout())
    before = reward.state_dict()
    reward.reward(rollout(n_envs=1))
    reward.reward(rollout().flatten())
    assert same_bits(before, reward.state_dict())


@pytest.mark.parametrize("variant", ["e3b", "episodic_novelty"])
def test_one_that_plays_along_step_by_step_has_a_memory(variant: str) -> None:
    config = VARIANTS[variant].model_copy(update=RAW)
    whole, parts = build(config, context(n_envs=1)), build(config, context(n_envs=32))
    batch = ending(rollout(7, 1), "truncated", 3, 0)
    starts = torch.zeros(7, 1, dtype=torch.bool)
    starts[[0, 4]] = True
    batch = dataclasses.replace(batch, episode_start=starts)
    before = parts.state_dict()
    rows = [parts.reward(stack_rows(batch, t)) for t in range(7)]
    scored = torch.cat(rows).flatten()
    if variant == "e3b":  # the other's running mean of distances stands still here
        assert torch.allclose(scored, whole.reward(batch).flatten(), rtol=1e-5)
    assert len(set(scored.tolist())) > 3
    assert same_bits(before, parts.state_dict())


def stack_rows(batch: Batch, t: int) -> Batch:
    names = [f.name for f in dataclasses.fields(Batch) if f.name != "info"]
    return Batch(**{k: getattr(batch, k)[t : t + 1] for k in names}, info={})


def test_presets_fill_in_what_is_not_written() -> None:
    paper = IcmConfig.model_validate({"preset": "pathak2017"})
    assert (paper.encoder, paper.eta, paper.value_head, paper.normalize) == ("pathak", 0.01, "shared", False)
    assert (paper.inverse_coef, paper.forward_coef, paper.loss_scale) == (0.8, 0.2, 10.0)
    assert not paper.stop_gradient
    study = IcmConfig.model_validate({"preset": "burda2018", "eta": 2.0})
    assert (study.feature_dim, study.forward_model, study.stop_gradient, study.eta) == (512, "residual", True, 2.0)
    again = IcmConfig.model_validate(study.model_dump())
    assert again == study, "a resolved section reads back as itself"


def test_pathaks_features_are_288() -> None:
    reward = IcmReward(IcmConfig.model_validate({"preset": "pathak2017"}), context(PICTURE))
    assert reward.networks.encoder.size == 288
    convolutions = [m for m in reward.networks.encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(m.out_channels, m.kernel_size, m.stride, m.padding) for m in convolutions] == [
        (32, (3, 3), (2, 2), (1, 1))
    ] * 4


def test_icms_bonus_by_hand() -> None:
    reward = IcmReward(IcmConfig(eta=0.5, **RAW), context())
    batch = rollout()
    flat = batch.flatten()
    phi, following = reward.networks.encoder(flat.obs), reward.networks.encoder(flat.next_obs)
    onehot = torch.nn.functional.one_hot(flat.action, 4).float()
    predicted = reward.networks.forward_model(phi, onehot)
    expected = 0.5 * 0.5 * ((predicted - following) ** 2).sum(-1)
    assert torch.allclose(reward.reward(batch).flatten(), expected.detach(), rtol=1e-5)


def gradients_of(config: IcmConfig) -> dict[str, float]:
    reward = IcmReward(config, context())
    loss, _ = reward.loss(rollout().flatten())
    reward.model.zero_grad()
    loss.backward()
    parts = reward.networks.named_children()
    return {
        name: sum(float(p.grad.abs().sum()) for p in part.parameters() if p.grad is not None) for name, part in parts
    }


def test_stop_gradient_keeps_the_forward_loss_out_of_the_features() -> None:
    without = gradients_of(IcmConfig(inverse_coef=0.0, stop_gradient=False))
    assert without["encoder"] > 0
    assert without["forward_model"] > 0
    with_stop = gradients_of(IcmConfig(inverse_coef=0.0, stop_gradient=True))
    assert with_stop["encoder"] == 0
    assert with_stop["forward_model"] > 0
    assert gradients_of(IcmConfig(forward_coef=0.0, stop_gradient=True))["encoder"] > 0


def test_the_loss_mix_by_hand() -> None:
    reward = IcmReward(IcmConfig(inverse_coef=0.8, forward_coef=0.2, loss_scale=10.0), context())
    loss, metrics = reward.loss(rollout().flatten())
    expected = 10 * (0.8 * metrics["inverse_loss"] + 0.2 * metrics["forward_loss"])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def moving_batch(n_steps: int = 64, seed: int = 0) -> Batch:
    """A world whose first two coordinates are moved by the action and whose third is noise."""
    batch = rollout(n_steps, seed=seed)
    moves = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    following = batch.next_obs.clone()
    following[..., :2] = batch.obs[..., :2] + 0.5 * moves[batch.action]
    return dataclasses.replace(batch, next_obs=following)


def test_the_inverse_model_learns_what_the_actions_do() -> None:
    reward = IcmReward(IcmConfig(learning_rate=3e-3, batch_size=32), context())
    accuracy = [float(reward.update(moving_batch(seed=i))["inverse_acc"]) for i in range(30)]
    assert accuracy[0] < 0.5
    assert accuracy[-1] > 0.95


def test_random_features_and_targets_are_never_trained() -> None:
    for reward, frozen in (
        (IcmReward(IcmConfig(features="random"), context()), "encoder"),
        (RndReward(RndConfig(feature_dim=8), context()), "target"),
        (DisagreementReward(DisagreementConfig(), context()), "encoder"),
    ):
        before = {k: v.clone() for k, v in reward.model.state_dict().items()}
        reward.update(rollout())
        after = reward.model.state_dict()
        assert all(torch.equal(after[k], before[k]) for k in before if k.startswith(f"{frozen}."))
        assert any(not torch.equal(after[k], before[k]) for k in before if not k.startswith(f"{frozen}."))


def test_noise_keeps_prediction_error_alive_but_not_disagreement() -> None:
    """The noisy television: fresh noise in the successor, whatever the agent does."""
    settings = {"learning_rate": 5e-3, "batch_size": 64, "hidden": 64, **RAW}
    error = IcmReward(IcmConfig(features="random", **settings), context())
    variance = DisagreementReward(DisagreementConfig(bootstrap=1.0, **settings), context())
    share = {}
    for reward in (error, variance):
        first = float(reward.reward(rollout(64, seed=0)).mean())
        for i in range(30):
            reward.update(rollout(64, seed=i))
        share[reward.name] = float(reward.reward(rollout(64, seed=99)).mean()) / first
    assert share["icm"] > 0.2
    assert share["disagreement"] < 0.5 * share["icm"], share


def test_rnd_looks_at_the_newest_picture_only() -> None:
    reward = RndReward(RndConfig(feature_dim=8, whiten=False, **RAW), context(PICTURE, n_envs=2))
    batch = rollout(2, 2, PICTURE)
    older, newest = batch.next_obs.clone(), batch.next_obs.clone()
    older[:, :, :3] = 0
    newest[:, :, 3] = 0
    base = reward.reward(batch)
    assert torch.equal(reward.reward(dataclasses.replace(batch, next_obs=older)), base)
    assert not torch.equal(reward.reward(dataclasses.replace(batch, next_obs=newest)), base)


@pytest.mark.parametrize("variant", ["e3b", "episodic_novelty"])
def test_episodic_bonuses_fall_with_repetition_and_come_back_with_the_episode(variant: str) -> None:
    reward = build(VARIANTS[variant].model_copy(update=RAW), context(n_envs=1))
    wandering = rollout(8, 1, seed=3)
    reward.reward(ending(wandering, "truncated", 7, 0))  # the distances' running mean
    batch = rollout(9, 1)
    same = dataclasses.replace(batch, next_obs=batch.next_obs[:1].repeat(9, 1, 1))
    bonus = reward.reward(ending(same, "truncated", 5, 0)).flatten()
    assert (bonus[1:6] < bonus[0]).all()
    assert bonus[5] <= bonus[1]
    assert bonus[6] == pytest.approx(bonus[0].item(), rel=1e-4)


def test_the_logarithm_changes_the_bonus_and_not_the_memory() -> None:
    plain, logged = (build(E3bConfig(feature_dim=8, logarithm=x, **RAW), context()) for x in (False, True))
    for seed in (1, 2):
        batch = rollout(4, seed=seed)
        assert torch.allclose(logged.reward(batch), torch.log1p(plain.reward(batch)), rtol=1e-5)


@pytest.mark.parametrize("variant", ["e3b", "episodic_novelty", "episodic_novelty-lifelong"])
def test_an_episode_goes_on_over_rollouts(variant: str) -> None:
    a, b = rollout(4, seed=1), rollout(4, seed=2)
    config = E3bConfig(feature_dim=8, **RAW) if variant == "e3b" else NoveltyConfig(feature_dim=8, memory=5, **RAW)
    whole, parts = build(config, context()), build(config, context())
    together = whole.reward(stack(a, b))
    assert torch.allclose(together, torch.cat([parts.reward(a), parts.reward(b)]), rtol=1e-5)


def test_position_counts_by_hand() -> None:
    x = torch.tensor([[1.0], [2.0], [65.0], [-1.0], [1.0]])
    batch = rollout(5, 1, x=x, y=torch.zeros(5, 1))
    where = context(n_envs=1)
    reward = PositionReward(PositionConfig(**RAW), where)
    assert reward.reward(ending(batch, "truncated", 4, 0)).flatten().tolist() == [1.0, 0.0, 1.0, 1.0, 0.0]
    again = reward.reward(batch).flatten().tolist()
    assert again == pytest.approx([2**-0.5, 0.0, 2**-0.5, 2**-0.5, 0.0]), "second episode: each cell's second visit"
    assert reward.update(batch)["n_cells_ever"] == 3
    restored = PositionReward(PositionConfig(**RAW), where)
    restored.load_state_dict(reward.state_dict())
    assert same_bits(restored.state_dict(), reward.state_dict())


def test_position_counts_need_positions() -> None:
    with pytest.raises(UserError, match="x and y"):
        PositionReward(PositionConfig(), context()).reward(rollout())


def test_update_proportion_learns_from_a_part() -> None:
    reward = IcmReward(IcmConfig(update_proportion=0.25, batch_size=8), context())
    sizes = [len(i) for i in reward._minibatches(Pairing(rollout(8)))]
    assert sizes == [2] * 4


@pytest.mark.parametrize("kind", ["icm", "e3b", "disagreement"])
def test_encoding_each_observation_once_changes_no_gradient(kind: str) -> None:
    cls, config = CLASSES[kind]
    batch = walk(rollout(8))
    pairing, rows = Pairing(batch), torch.tensor([4, 8, 12, 3, 31, 7])
    grads = []
    for part in (pairing.cut(rows), pairing.flat.select(rows)):
        reward = cls(config(), context())
        loss, _ = reward.loss(part)
        loss.backward()
        grads.append({k: p.grad for k, p in reward.model.named_parameters() if p.grad is not None})
    assert grads[0].keys() == grads[1].keys() != set()
    assert all(torch.allclose(g, grads[1][k], atol=1e-5) for k, g in grads[0].items())
    obs, _ = pairing.cut(rows).distinct()
    assert len(obs) < 2 * len(rows)


def walk(batch: Batch) -> Batch:
    """The same transitions, each beginning where the one before ended."""
    return dataclasses.replace(batch, next_obs=torch.cat([batch.obs[1:], batch.next_obs[-1:]]))


def test_too_small_pictures_are_refused() -> None:
    tiny = gym.spaces.Box(0, 255, (1, 8, 8), np.uint8)
    with pytest.raises(UserError, match="too small"):
        IcmReward(IcmConfig.model_validate({"preset": "burda2018"}), context(tiny))


def test_every_reward_and_its_shorthand_are_registered() -> None:
    for kind, (cls, config) in CLASSES.items():
        entry = registry.rewards.get(kind)
        assert entry.config_class() is config
        assert isinstance(entry.resolve()(config(), context()), cls)
        assert registry.agents.get(kind).tags["rewards"] == [kind]


def test_the_sections_import_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, rlsuite.agents.curiosity.config, rlsuite.agents.curiosity.entries; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_noveld_pays_the_gain_at_first_visits_by_hand() -> None:
    config = NovelDConfig(feature_dim=8, hidden=8, normalize=False, whiten=False, alpha=0.5, levels=2)
    reward = NovelDReward(config, context(n_envs=1))
    batch = rollout(4, 1)
    places = torch.tensor([[0.5, 0.5, 0.5], [1.5, 0.5, 0.5], [0.6, 0.5, 0.5], [1.6, 0.5, 0.5], [2.5, 0.5, 0.5]])
    start = batch.episode_start.clone()
    start[0] = True
    batch = dataclasses.replace(batch, obs=places[:-1, None], next_obs=places[1:, None], episode_start=start)
    with torch.no_grad():
        novelty = reward._novelty(places)
    gain = (novelty[1:] - 0.5 * novelty[:-1]).clamp_min(0.0)
    seen = reward.raw_bonus(batch, False)[:, 0]
    assert torch.allclose(seen, gain * torch.tensor([1.0, 0.0, 0.0, 1.0]))  # back home, and back again, are no news


def test_pictures_that_look_alike_are_one_place() -> None:
    reward = NovelDReward(NovelDConfig(feature_dim=8), context(PICTURE))
    picture = torch.full((1, 4, 42, 42), 100, dtype=torch.uint8)
    noisy = picture + torch.randint(0, 10, picture.shape, dtype=torch.uint8)
    other = picture.clone()
    other[..., :10] = 200
    here, same, there = (int(reward.cells(x)) for x in (picture, noisy, other))
    assert here == same
    assert here != there


@pytest.mark.parametrize("kind", ["rnd", "position_counts"])
def test_the_weight_halves_and_resumes(kind: str) -> None:
    info = {"x": torch.zeros(6, 4), "y": torch.zeros(6, 4)}
    config = CLASSES[kind][1](weight=0.8, weight_half_life=24)
    reward, other = (build(config, context()) for _ in range(2))
    for expected in (0.4, 0.2):
        reward.update(rollout(**info))
        assert reward.weight == pytest.approx(expected)
    other.load_state_dict(reward.state_dict())
    assert other.weight == reward.weight
