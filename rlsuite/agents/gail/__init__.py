"""Generative adversarial imitation learning: a discriminator as learned reward."""
