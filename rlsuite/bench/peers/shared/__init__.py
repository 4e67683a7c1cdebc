"""Modules that drivers share, in every environment."""
