"""Results, devices and cases in files.

Imports all other rooms.
"""
