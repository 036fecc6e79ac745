"""From a Device to a certified Solution or Spectrum: linear solvers, Newton, gap equation, derivatives.

Imports the rooms from `common` to `action`.
"""
