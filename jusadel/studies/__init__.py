"""What is published, made of many solutions: current-phase relations, Tc, films, screening, convergence, sweeps.

Imports the rooms from `common` to `nonequilibrium`.
"""
