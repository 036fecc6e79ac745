"""Derivatives of solutions by the implicit function theorem, under jax.grad and jax.jit."""
