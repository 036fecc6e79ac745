"""Plain tools that every room uses and no physicist needs to read: checked arguments, errors, progress, whole files.

Imports none of the other rooms.
"""
