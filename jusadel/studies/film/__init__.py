"""Homogeneous films with a phase gradient."""
