"""Suites, statistics, and comparisons with other software."""
