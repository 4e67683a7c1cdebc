"""Generators trained against a discriminator that decode a latent vector: DCGAN, BEGAN, text to image, video."""
