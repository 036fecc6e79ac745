"""Make the mesh files of this folder: python meshes/make_meshes.py [folder]."""

import sys
from pathlib import Path

import numpy as np

from jusadel.mesh.mesh import Mesh
from jusadel.mesh.shapes import disk, rectangle


def sns() -> Mesh:
    """A strip of length 6 and width 1: superconductor, normal metal of length 1, superconductor."""
    x = np.concatenate([np.linspace(0, 2.5, 32)[:-1], np.linspace(2.5, 3.5, 14)])
    x = np.concatenate([x, np.linspace(3.5, 6.0, 32)[1:]])
    strip = rectangle(
        6.0,
        1.0,
        0.115,
        x=x,
        regions={
            "left": lambda c: c[:, 0] < 2.5,
            "normal": lambda c: (c[:, 0] > 2.5) & (c[:, 0] < 3.5),
            "right": lambda c: c[:, 0] > 3.5,
        },
    )
    ends = {"source": strip.boundaries["left"], "drain": strip.boundaries["right"]}
    return Mesh(points=strip.points, triangles=strip.triangles, regions=strip.regions, boundaries=ends)


def main(folder: Path) -> None:
    """Write all of them, one in each kind of .msh."""
    for name, mesh, file_format in (
        ("vortex_disk", disk(radius=4.0, size=0.215, core_size=0.03), "gmsh41"),
        ("vortex_disk_4k", disk(radius=8.0, size=0.33, core_size=0.04), "gmsh22"),
        ("sns", sns(), "gmsh41-ascii"),
    ):
        mesh.write(folder / f"{name}.msh", file_format=file_format)
        print(f"{name}: {mesh.quality()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
