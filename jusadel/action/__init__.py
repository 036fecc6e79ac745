"""The physics: Nambu matrices, the functional term by term, its sum on a mesh, its gradient and Hessian.

Imports `common`, `mesh` and `device`.
"""
