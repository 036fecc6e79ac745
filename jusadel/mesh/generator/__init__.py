"""The mesher of polygons: constrained Delaunay triangulation, refined until no angle is small."""
