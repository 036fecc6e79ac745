"""The gap equation and the stability of its solutions."""
