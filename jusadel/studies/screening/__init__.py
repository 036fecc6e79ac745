"""The self-consistent vector potential."""
