"""An actor-critic with an LSTM between its features and its heads: memory for what is out of sight."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NoReturn

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import MlpExtractor, NatureCNN
from torch import nn

from rlsuite.agents.learners.policy import ActorCritic
from rlsuite.errors import UserError


def unroll(
    lstm: nn.LSTM, inputs: torch.Tensor, state: torch.Tensor, starts: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run an LSTM over sequences in which episodes may begin anywhere.

    The state is zeroed before an episode's first observation; gradients do not cross it. Between two rows in
    which an episode begins all rows go through the LSTM at once.

    Args:
        lstm: One layer.
        inputs: (n_steps, n, d).
        state: (2, n, size), hidden and cell, before the first row.
        starts: (n_steps, n) bool, whether a row is the first of its episode.

    Returns:
        Outputs (n_steps, n, size) and the state (2, n, size) after the last row.
    """
    rows = starts[1:].any(1).nonzero().squeeze(-1) + 1
    outputs = []
    for begin, end in pairwise([0, *rows.tolist(), len(inputs)]):
        state = state * (~starts[begin])[None, :, None]
        output, pair = lstm(inputs[begin:end], (state[:1].contiguous(), state[1:].contiguous()))
        state = torch.cat(pair)
        outputs.append(output)
    return torch.cat(outputs), state


class RecurrentActorCritic(ActorCritic):
    """Features, an LSTM that policy and values share, then `ActorCritic`'s layers and heads.

    State is a tensor (2, n, lstm_size): hidden and cell; `predict` keeps it as two arrays (1, n, lstm_size), as
    sb3-contrib's recurrent policies do.

    Args:
        observation_space: Of one environment, raw.
        action_space: Of one environment.
        lr_schedule: As in stable-baselines3.
        lstm_size: Units of the LSTM.
        kwargs: See `ActorCritic`.

    Reference:
        Hochreiter and Schmidhuber 1997; in Pathak et al. 2017 (arXiv:1705.05363) 256 units.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Any,
        *args: Any,
        lstm_size: int = 256,
        **kwargs: Any,
    ) -> None:
        self.lstm_size = lstm_size
        super().__init__(observation_space, action_space, lr_schedule, *args, **kwargs)
        self.lstm_actor = nn.LSTM(self.features_dim, lstm_size)  # sb3-contrib's name, for the export
        for name, parameter in self.lstm_actor.named_parameters():
            if name.startswith("weight"):
                nn.init.orthogonal_(parameter)
            else:
                nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):  # forget gates open: remember by default (Jozefowicz et al. 2015)
                nn.init.ones_(parameter.data[lstm_size : 2 * lstm_size])

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = MlpExtractor(
            self.lstm_size, net_arch=self.net_arch, activation_fn=self.activation_fn, device=self.device
        )

    def fresh_state(self, n: int) -> torch.Tensor:
        """The state (2, n, lstm_size) of n episodes that begin."""
        return torch.zeros(2, n, self.lstm_size, device=self.device)

    def unrolled(
        self, inputs: torch.Tensor, state: torch.Tensor, starts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Action parameters and values of sequences.

        Args:
            inputs: The result of `inputs`, time-major, (n_steps * n, ...).
            state: (2, n, lstm_size) before the first row.
            starts: (n_steps, n) bool.

        Returns:
            Action parameters (n_steps * n, n_params), values (n_steps * n, n_heads), and the state afterwards.
        """
        features = self.features_extractor(self._preprocess(inputs)) if self.learns_encoder else inputs
        latent, state = unroll(self.lstm_actor, features.view(*starts.shape, -1), state, starts)
        latent_pi, latent_vf = self.mlp_extractor(latent.flatten(0, 1))
        return self.action_net(latent_pi), self.values(latent_vf), state

    @torch.no_grad()
    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """Act, carrying the state along: pass back what was returned, and where episodes begin.

        Args:
            observation: Raw, of one environment or of n.
            state: As returned last; None at the start.
            episode_start: (n,) whether the observation is the first of its episode; None: of none.
            deterministic: Take the mode.
        """
        self.set_training_mode(False)
        obs, vectorized = self.obs_to_tensor(observation)
        assert isinstance(obs, torch.Tensor)
        n = len(obs)
        before = self.fresh_state(n) if state is None else torch.as_tensor(np.concatenate(state), device=self.device)
        starts = np.zeros(n, dtype=bool) if episode_start is None else np.asarray(episode_start, dtype=bool)
        begins = torch.as_tensor(starts, device=self.device).view(1, n)
        params, _, after = self.unrolled(self.inputs(obs), before, begins)
        action = self._choose(params, deterministic)
        shape = self.action_space.shape or ()
        array = action.cpu().numpy().reshape(n, *shape)
        kept = after.cpu().numpy()
        return (array if vectorized else array[0]), (kept[:1], kept[1:])

    def _choose(self, params: torch.Tensor, deterministic: bool) -> torch.Tensor:
        """Actions as the environment gets them; samples draw from torch's stream, as stable-baselines3's do."""
        head, std = self.head, None if self.std_param is None else self.std_param.exp()
        if deterministic:
            return head.to_env(head.sample(params, torch.zeros_like(params), std))
        generator = torch.Generator(device=params.device)
        generator.manual_seed(int(torch.randint(2**62, ())))
        return head.to_env(head.sample(params, head.noise((len(params),), generator), std))

    # -- what a policy without state offers, and this one cannot ----------------------------------

    def _needs_state(self, *_: Any, **__: Any) -> NoReturn:
        raise UserError(
            "a policy with memory acts on sequences: use predict with state and episode_start, or unrolled. "
            "Behavioural cloning and other code that takes single observations need agent.learner.network.memory: none."
        )

    latents = heads = head_values = head_params = _needs_state  # type: ignore[assignment]  # pyright: ignore
    forward = evaluate_actions = get_distribution = predict_values = _needs_state  # type: ignore[assignment]  # pyright: ignore


class RecurrentCnnActorCritic(RecurrentActorCritic):
    """The same on images, with the features of Mnih et al. 2015 unless another extractor is named."""

    default_extractor = NatureCNN
