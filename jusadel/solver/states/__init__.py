"""Solved states: what Solution and Spectrum have in common, the Solution, and both in files."""
