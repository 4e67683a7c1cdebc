"""The declared metrics: every key a run may write, once, with its meaning and unit.

``python -m rlsuite.runs.metrics`` prints docs/metrics.md from this list. Keys are an API: plots, scripts and
dashboards read them. A plug-in's keys need not be declared; rlsuite's own must be, and a test says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One key of ``metrics.jsonl`` and TensorBoard.

    Attributes:
        key: Its name; ``{reward}`` stands for the name of a learned reward.
        meaning: What it is.
        unit: What it is counted in.
    """

    key: str
    meaning: str
    unit: str = "1"


ENVELOPE = (
    Metric("step", "Env steps so far: one agent decision in one environment is one step. The x-axis.", "env steps"),
    Metric("wall_s", "Time since the run began, evaluations and earlier sessions included.", "s"),
)

METRICS = (
    Metric("rollout/ep_rew_mean", "Mean return of the last 100 training episodes: the environment's own reward."),
    Metric("rollout/ep_len_mean", "Mean length of the last 100 training episodes.", "decisions"),
    Metric("rollout/success_rate", "Share of the last 100 training episodes that succeeded, if the level tells."),
    Metric("rollout/ep_int_rew_mean", "Mean sum of learned rewards over an episode, weights included."),
    Metric("rollout/ep_{reward}_rew_mean", "Mean sum of that learned reward over an episode, without its weight."),
    Metric("time/fps", "Env steps per second of training since this session began.", "env steps/s"),
    Metric("time/iterations", "Iterations (collect, learn) so far."),
    Metric("time/episodes", "Training episodes finished so far.", "episodes"),
    Metric("time/time_elapsed", "Time since this session began.", "s"),
    Metric("time/total_timesteps", "The same as `step`.", "env steps"),
    Metric("time/frames", "Engine frames so far: env steps times the frames one decision takes.", "frames"),
    Metric("time/train_s", "Training time so far, without evaluation and films.", "s"),
    Metric("train/learning_rate", "Step size of the policy's optimiser."),
    Metric("train/loss", "Whole loss of the policy and value update, mean over the update."),
    Metric("train/policy_gradient_loss", "Clipped surrogate loss, mean over the update."),
    Metric("train/value_loss", "Squared error of the value heads, mean over the update.", "return²"),
    Metric("train/entropy_loss", "Negative entropy of the policy, mean over the update.", "nats"),
    Metric("train/approx_kl", "Approximate KL divergence from the collecting policy, mean over the update.", "nats"),
    Metric("train/clip_fraction", "Share of transitions whose probability ratio was clipped."),
    Metric("train/clip_range", "How far the probability ratio may move."),
    Metric("train/clip_range_vf", "How far value predictions may move, if they are clipped."),
    Metric("train/explained_variance", "1 - Var(return - value) / Var(return); 1 is perfect, below 0 is worse than 0."),
    Metric("train/std", "Mean standard deviation of continuous actions."),
    Metric("train/grad_norm", "Norm of the gradient before it is scaled down, mean over the update."),
    Metric("train/n_updates", "Gradient steps or epochs so far, as stable-baselines3 counts them."),
    Metric("train/actor_loss", "Loss of SAC's actor, mean over the update."),
    Metric("train/critic_loss", "Squared error of SAC's critics, mean over the update.", "return²"),
    Metric("train/ent_coef", "SAC's entropy coefficient, mean over the update."),
    Metric("train/ent_coef_loss", "Loss of the learned entropy coefficient, mean over the update."),
    Metric("train/q_mean", "Mean of the critics' predictions on the sampled transitions.", "return"),
    Metric("train/reward_mean", "Mean reward SAC trains on: the environment's and learned ones, weighted."),
    Metric("self_imitation/episodes", "Own episodes that self-imitation learns from.", "episodes"),
    Metric("self_imitation/gain", "Mean of how much more they earned than the value function expects, or 0.", "return"),
    Metric("self_imitation/loss", "Loss of self-imitation, mean over its gradient steps."),
    Metric("eval/mean_reward", "Mean return of the evaluation episodes: the environment's own reward."),
    Metric("eval/std_reward", "Standard deviation of the returns over those episodes."),
    Metric("eval/mean_ep_length", "Mean length of the evaluation episodes.", "decisions"),
    Metric("eval/success_rate", "Share of the evaluation episodes that succeeded, if the level tells."),
    Metric("eval/normalized_score", "(return - random) / (expert - random), or the level's own score in [0, 1]."),
    Metric("gail/disc_loss", "Class-balanced cross-entropy of the discriminator.", "nats"),
    Metric("gail/disc_acc_expert", "Share of expert transitions judged to be the expert's."),
    Metric("gail/disc_acc_policy", "Share of policy transitions judged to be the policy's."),
    Metric("gail/disc_entropy", "Mean entropy of the discriminator's output; ln 2 is undecided.", "nats"),
    Metric("gail/reward_mean", "Mean learned reward of the last batch, without its weight."),
    Metric("gail/reward_std", "Standard deviation of the learned reward over the last batch, without its weight."),
    Metric("gail/grad_penalty", "Gradient penalty, before its weight."),
    Metric("gail/grad_norm", "Norm of the logit's gradient with respect to its input, mean."),
    Metric("gail/logit_expert", "Mean logit of expert transitions (high is the expert's)."),
    Metric("gail/logit_policy", "Mean logit of policy transitions (high is the expert's)."),
    Metric("gail/learning_rate", "Step size of the discriminator's optimiser."),
    Metric(
        "gail/saturated", "1 while the discriminator separates both classes almost perfectly: its reward says little."
    ),
    Metric("icm/forward_loss", "Half the squared error of the predicted features."),
    Metric("icm/inverse_loss", "Cross-entropy (or squared error) of the predicted action.", "nats"),
    Metric("icm/inverse_acc", "Share of actions predicted right."),
    Metric("icm/reward_mean", "Mean curiosity bonus of the last batch, without its weight."),
    Metric("icm/reward_std", "Standard deviation of the curiosity bonus over the last batch, without its weight."),
    Metric("icm/vae_loss", "Loss of the VAE whose features the forward model predicts.", "nats"),
    Metric("{reward}/loss", "Whole loss of a learned reward's own training."),
    Metric("{reward}/weight", "Weight of the curiosity bonus, where it decays."),
    Metric("{reward}/bonus_mean", "Mean curiosity bonus before any scaling."),
    Metric("{reward}/bonus_std", "Standard deviation of the curiosity bonus before any scaling."),
    Metric("{reward}/reward_mean", "Mean curiosity bonus of the last rollout, scaled, without its weight."),
    Metric("{reward}/reward_std", "Standard deviation of the same."),
    Metric("{reward}/forward_loss", "Half the squared error of predicted features."),
    Metric("{reward}/inverse_loss", "Loss of the predicted action.", "nats"),
    Metric("{reward}/inverse_acc", "Share of actions predicted right."),
    Metric("{reward}/predictor_loss", "Half the squared error of the guessed outputs of the random network."),
    Metric("{reward}/lifelong_loss", "The same, of the lifelong factor of episodic novelty."),
    Metric("{reward}/n_cells_ever", "Grid cells that position counts have seen.", "cells"),
    Metric("bc/loss", "Negative log-likelihood (or squared error) of the demonstrated actions.", "nats"),
    Metric("bc/validation_loss", "The same on held-out pairs.", "nats"),
    Metric("explore/n_cells", "Different grid cells visited so far, over all environments.", "cells"),
    Metric("explore/ep_cells", "Different grid cells visited in an episode, mean.", "cells"),
    Metric("explore/ep_rooms", "Different rooms visited in an episode, mean.", "rooms"),
    Metric("explore/ep_x", "Furthest x of an episode, mean.", "level units"),
    Metric("explore/ep_progress", "Share of the level reached in an episode, mean."),
    Metric("explore/n_stages", "Different stages (world and stage) of a game played so far.", "stages"),
    Metric("explore/action_{index}", "Share of each discrete action in the last rollout."),
    Metric("explore/x_max", "Farthest position reached so far.", "level units"),
    Metric("gen/loss", "Training loss of a generator that has one network."),
    Metric("gen/loss_g", "Loss of the generator."),
    Metric("gen/loss_d", "Loss of the discriminator; of BEGAN: how badly it rebuilds real images."),
    Metric("gen/acc_real", "Share of real images that the discriminator takes for real."),
    Metric("gen/acc_fake", "Share of generated images that the discriminator takes for generated."),
    Metric("gen/mask", "Mean of the mask of a film's foreground in the batch: 0 shows the background alone."),
    Metric("gen/k", "BEGAN's balance between rebuilding real and generated images."),
    Metric("gen/convergence", "BEGAN's measure M of convergence; lower is better."),
    Metric("gen/loss_cycle", "L1 distance of images translated there and back, both ways summed."),
    Metric("gen/loss_identity", "L1 distance of images translated into the domain they are of, both ways summed."),
    Metric("gen/loss_l1", "L1 distance of translated images to their partners."),
    Metric("gen/learning_rate", "Step size of the generator's optimiser."),
    Metric("gen/grad_norm", "Norm of a token model's gradient before it is clipped."),
    Metric("gen/bits_per_pixel", "Bits a token model needs for a pixel, markers counted.", "bits"),
    Metric("gen/stage", "Stage of a training that has several: dalle's autoencoder is 1, its transformer 2."),
    Metric("gen/reconstruction", "Negative log-likelihood of rebuilt images, a value.", "nats"),
    Metric("gen/kl", "Distance of the autoencoder's codes from uniform ones, a code.", "nats"),
    Metric("gen/code_perplexity", "Codes in use, effectively; 1 is collapse."),
    Metric("gen/relaxation", "Temperature of the autoencoder's relaxed codes."),
    Metric("gen/loss_text", "Cross-entropy of text tokens.", "nats"),
    Metric("gen/loss_image", "Cross-entropy of image tokens.", "nats"),
    Metric("gen/scale", "What a contrastive scorer multiplies cosines with, learned; 1 / temperature."),
    Metric("gen/zero_shot_top1", "Share of held-out images whose own caption a scorer ranks first."),
    Metric("gen/zero_shot_top5", "Share of held-out images whose own caption is among the five best."),
    Metric("gen/zero_shot_chance5", "The same by chance: 5 / candidates."),
    Metric("gen/zero_shot_times_chance", "The ratio of the two."),
    Metric("gen/zero_shot_median_rank", "Captions that a scorer ranks above the right one, median."),
    Metric("gen/zero_shot_top5_of_all", "As top5, with the captions of training among the candidates."),
    Metric("gen/zero_shot_chance5_of_all", "The same by chance."),
    Metric("gen/images", "Training images looked at so far.", "images"),
    Metric("gen/samples", "A grid of samples, always of the same seed (TensorBoard and `samples/` only).", "picture"),
    Metric("gen/fd_lite0", "Frechet distance of samples to real images on EfficientNet-Lite0 features. Not FID."),
    Metric("gen/kid", "Kernel distance of samples to real images on the same features."),
    Metric("gen/precision", "Share of samples that lie among real images."),
    Metric("gen/recall", "Share of real images that lie among samples."),
    Metric("gen/copy_share", "Share of samples that are nearly a training image."),
    Metric("gen/nearest_mean", "Mean distance of samples to the nearest training image, root mean square of pixels."),
    Metric("gen/fd_lite0_frames", "Frechet distance of drawn films' frames to real ones. Not FVD."),
    Metric("gen/fd_lite0_changes", "The same of the differences between frames: how things move."),
    Metric("gen/motion", "Mean change of a drawn film's pixels from frame to frame, 0 to 1."),
    Metric("gen/motion_real", "The same of real films."),
    Metric("gen/still", "Share of a drawn film's pixels that never change."),
    Metric("gen/still_real", "The same of real films."),
    Metric("gen/mask_mean", "Mean of the mask in drawn films."),
    Metric("gen/l1_first", "Mean distance of drawn films' first frames to those given, 0 to 1."),
    Metric("gen/l1_last", "Mean distance of their last frames to the real films' last frames."),
    Metric("gen/l1_last_still", "The same of a film that stands still: what to beat."),
    Metric("gen/l1_to_b", "Mean distance of images translated to domain B to their hidden partners, 0 to 1."),
    Metric("gen/l1_to_a", "The same, the other way."),
    Metric("gen/l1_untranslated", "Mean distance of untranslated images to the same partners: what to beat."),
    Metric("sys/preview_s", "Time the last sample grid took.", "s"),
    Metric("sys/memory_mb", "Resident memory of the training process.", "MB"),
    Metric("sys/gpu_memory_mb", "Memory torch holds on the GPU.", "MB"),
    Metric("sys/checkpoint_s", "Time the last checkpoint took to write.", "s"),
)

_PATTERNS = [
    re.compile(re.escape(m.key).replace(r"\{reward\}", r"[a-z0-9_]+").replace(r"\{index\}", r"\d+") + r"\Z")
    for m in (*ENVELOPE, *METRICS)
]


def declared(key: str) -> bool:
    """Whether a key is in the list."""
    return any(p.match(key) for p in _PATTERNS)


def page() -> str:
    """docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "What a run writes to `metrics.jsonl` and TensorBoard. Generated from `rlsuite/runs/metrics.py` with",
        "`python -m rlsuite.runs.metrics > docs/metrics.md`.",
        "",
        "`metrics.jsonl` has one JSON object a line, with `step`, `wall_s` and the keys that were written at that",
        "moment. Values of `train/*` are means over the update. A value that is not finite is `null`.",
        "",
        "| key | meaning | unit |",
        "|---|---|---|",
    ]
    lines += [f"| `{m.key}` | {m.meaning} | {m.unit} |" for m in (*ENVELOPE, *METRICS)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
