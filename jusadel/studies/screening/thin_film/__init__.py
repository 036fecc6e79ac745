"""Thin films, whose currents act on each other by Biot and Savart."""
