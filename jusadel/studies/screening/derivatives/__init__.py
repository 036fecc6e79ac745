"""Derivatives of screened solutions: by the implicit function theorem, and inside programs."""
