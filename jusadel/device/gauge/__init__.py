"""Vector potentials and the phases of electrodes: where they fit each other, and the gradient that makes them fit."""
