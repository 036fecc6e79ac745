"""Distributions at several energies iterated together, as programs of JAX for any device."""
