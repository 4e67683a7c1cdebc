"""Learners: stable-baselines3 algorithms whose data stays on the device and that know learned rewards."""
