"""The version of jusadel, which files remember."""

__version__ = "0.2.0"
