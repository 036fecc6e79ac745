"""benchmarks/RESULTS.md: a part for each program that measures, which replaces its own and leaves the others."""

import re
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def write_part(title, text):
    """Put a part in place of that with its title, or behind all."""
    parts = dict(re.findall(r"^# (.+)\n\n((?:(?!# ).*\n?)*)", RESULTS.read_text(), re.MULTILINE))
    parts[title] = text
    RESULTS.write_text("\n".join(f"# {name}\n\n{part.strip()}\n" for name, part in parts.items()))
