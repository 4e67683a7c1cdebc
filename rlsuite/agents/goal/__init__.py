"""A sentence as the goal: states are rewarded for looking like it."""
