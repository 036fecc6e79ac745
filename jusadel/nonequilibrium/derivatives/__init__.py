"""Derivatives of distributions by the implicit function theorem: of flows, in time, and of kinetics."""
