"""Gradient ascent on what a network's layer responds to."""
