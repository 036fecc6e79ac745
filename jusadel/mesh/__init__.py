"""Triangles with named regions and boundaries: built, meshed from polygons, cut, refined, read and written.

Imports `common`.
"""
