"""What is measured on a Solution or Spectrum: currents, spin, free energy, density of states, vortices.

Imports the rooms from `common` to `solver`.
"""
