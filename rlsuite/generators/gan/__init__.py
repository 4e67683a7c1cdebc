"""Generators trained against a discriminator that decode a latent vector: DCGAN and BEGAN."""
