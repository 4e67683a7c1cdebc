"""Generators that turn images of one domain into another: CycleGAN and pix2pix."""
