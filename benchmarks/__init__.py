"""Speed of jusadel as ratios within one run: `python -m benchmarks`."""
