"""Draws the rooms of the package from its imports: python docs/rooms.py writes docs/rooms.svg."""

import ast
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt

import jusadel as ju
from jusadel.common.contents import ROOMS

HERE = Path(__file__).parent
PACKAGE = Path(ju.__file__).parent
COLOURS = plt.get_cmap("viridis")


def room_of(module):
    """The room of a dotted name such as jusadel.mesh.topology, or None."""
    parts = module.split(".")
    return parts[1] if parts[0] == "jusadel" and len(parts) > 1 and parts[1] in ROOMS else None


def imported(file):
    """The rooms from which a file imports, one entry a name."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                room = room_of(f"{node.module}.{alias.name}" if node.module == "jusadel" else node.module)
                if room:
                    yield room


def counts():
    """{(importer, imported): number of names} over all files."""
    found = Counter()
    for room in ROOMS:
        for file in (PACKAGE / room).rglob("*.py"):
            if file.name != "__init__.py":
                found.update((room, other) for other in imported(file))
    return found


def entries(room):
    """Files and folders of a room, folders with a slash."""
    inside = sorted((PACKAGE / room).iterdir(), key=lambda path: (path.is_file(), path.name))
    return [p.stem + "/" * p.is_dir() for p in inside if p.name not in ("__init__.py", "__pycache__")]


def draw(ax_rooms, ax_matrix):
    """On the left the rooms with what is in them, on the right how many names each takes from each."""
    found = counts()
    most = max(found.values())
    for y, room in enumerate(ROOMS):
        colour = COLOURS(0.15 + 0.7 * y / len(ROOMS))
        ax_rooms.barh(y, 1.0, 0.86, color=colour, alpha=0.18, edgecolor=colour)
        ax_rooms.text(0.012, y + 0.16, room, weight="bold", va="center", size=11)
        ax_rooms.text(0.012, y - 0.2, "  ".join(entries(room)), va="center", size=7.2)
        for x, other in enumerate(ROOMS):
            count = found[room, other]
            if count:
                ax_matrix.scatter(x, y, 560 * (count / most) ** 0.5, color=colour, alpha=0.35, linewidth=0)
                ax_matrix.text(x, y, str(count), ha="center", va="center", size=8)
    ax_rooms.set(xlim=(0, 1), ylim=(-0.6, len(ROOMS) - 0.4), title="rooms, each standing on those below it")
    ax_rooms.axis("off")
    ax_matrix.set(
        xlim=(-0.6, len(ROOMS) - 0.4),
        ylim=(-0.6, len(ROOMS) - 0.4),
        title="names imported by a room (row) from a room (column)",
    )
    ax_matrix.set_xticks(range(len(ROOMS)), ROOMS, rotation=50, ha="right", size=8.5)
    ax_matrix.set_yticks(range(len(ROOMS)), [""] * len(ROOMS))
    ax_matrix.plot([-0.5, len(ROOMS) - 0.5], [-0.5, len(ROOMS) - 0.5], color="0.6", lw=0.8, zorder=0)
    ax_matrix.spines[["top", "right"]].set_visible(False)


def main(folder=HERE):
    """Write rooms.svg into the folder, the same bytes for the same imports."""
    figure, axes = plt.subplots(1, 2, figsize=(14, 6.6), width_ratios=(1.7, 1), layout="constrained")
    draw(*axes)
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rooms"}):
        figure.savefig(folder / "rooms.svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
