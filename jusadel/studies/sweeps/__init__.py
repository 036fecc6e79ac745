"""Sweeps over parameters: points, files, worker processes."""
