"""Our numbers beside those of the literature and of independent programs: `python -m validation`."""
