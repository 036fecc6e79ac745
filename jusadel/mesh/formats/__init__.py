"""Mesh files, read and written."""
