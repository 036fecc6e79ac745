"""What a user states: materials, boundary conditions, contacts, potentials, the Device that joins them; units.

Imports `common` and `mesh`.
"""
