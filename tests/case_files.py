"""Case files for tests: a text with some places changed, read from a folder."""

import jusadel as ju

NIOBIUM_STRIP = """
[units]
Tc = 9.2
D = 5.0
thickness = 20.0
resistivity = 10.0

[geometry.rectangle]
width = "60 nm"
height = "20 nm"
size = "15 nm"
"""
"""Units and geometry of a case."""


def read(folder, *changes, text):
    """The case of this text, each of the changes (old, new) made at the one place where it stands."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "case.toml").write_text(text)
    return ju.read_case(folder / "case.toml")
