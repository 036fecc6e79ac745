"""Parameters of a model from data, with error bars.

Imports `common`, and of the other rooms what it differentiates.
"""
