"""Transitions of second order: where the normal state becomes unstable."""
