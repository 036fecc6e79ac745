"""The linear equations for distributions, and what solves them."""
