"""Behavioural cloning: the policy as supervised learning of the expert's actions."""
