"""The equations of two frequencies, linearised, and how they are solved."""
