"""Laboratory units: the scales of a sample, from kelvin and nanometres into the code, and back."""
