"""Distribution functions: the Keldysh block, diffusion in the normal state, kinetics.

Imports the rooms from `common` to `observables`.
"""
