"""Curiosity as learned rewards: ICM, RND, Disagreement, E3B, episodic novelty counts, position counts.

Each module is one method; `base` holds what they share (scaling, minibatches, state), `networks` the
networks, `losses` the formulas.
"""
