"""rlsuite: reinforcement-learning experiments from one YAML."""

__version__ = "0.1.0"
