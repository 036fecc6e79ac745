"""Matrices with products of their own: to first order in blocks, and with their slopes."""
