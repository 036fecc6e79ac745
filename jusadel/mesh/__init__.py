"""Triangles with named regions and boundaries: built, meshed from polygons, cut, refined, read and written.

Imports `common`.
"""

from jusadel.mesh.formats.gds import read_gds
from jusadel.mesh.formats.reading import read_mesh
from jusadel.mesh.generator.constraints import MeshingError
from jusadel.mesh.generator.sizes import graded
from jusadel.mesh.interfaces import with_cut_between
from jusadel.mesh.layouts import corbino, cross_junction, ring, squid_loop, strip, t_junction
from jusadel.mesh.mesh import Mesh
from jusadel.mesh.polygons import SharpCornerWarning, circle, polygon
from jusadel.mesh.refinement import refine_at
from jusadel.mesh.shapes import disk, rectangle

__all__ = [
    "Mesh",
    "MeshingError",
    "SharpCornerWarning",
    "circle",
    "corbino",
    "cross_junction",
    "disk",
    "graded",
    "polygon",
    "read_gds",
    "read_mesh",
    "rectangle",
    "refine_at",
    "ring",
    "squid_loop",
    "strip",
    "t_junction",
    "with_cut_between",
]
