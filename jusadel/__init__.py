"""jusadel."""
