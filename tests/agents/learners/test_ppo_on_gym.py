"""PPO on environments that cannot be regrouped without beginning their episodes anew."""

from rlsuite.agents.learners.config import PPOConfig
from rlsuite.agents.learners.recurrent_ppo import make
from rlsuite.envs.levels import make_vec


def test_ppo_trains_on_a_gym_level_and_goes_on_after_a_resume():
    config = PPOConfig(n_steps=8, batch_size=16, n_epochs=1)
    env = make_vec("gym/CartPole-v1", 4, seed=0)
    learner = make(config, env, seed=0, device="cpu")
    learner.learn(64)
    state = learner.training_state()
    learner.load_training_state(state)
    learner.learn(128, reset_num_timesteps=False)
    assert learner.num_timesteps == 128
    env.close()
