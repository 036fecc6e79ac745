"""Small matrices at the nodes, whose products have the matrix axes in front, and sparse ones of scalars on the mesh."""
