"""Gaussian fluctuations of the pair potential above a transition."""
