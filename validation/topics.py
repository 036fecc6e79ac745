"""All cases: importing them fills the registry, in the order of the report."""

from validation import bulk, junctions, proximity, spectra, kinetics, normal_state, vortex  # noqa: F401, I001
