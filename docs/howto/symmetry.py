"""What a crystal allows: tensors by point group, and a material that obeys one."""

import numpy as np

import jusadel as ju

print("gyrotropic_groups =", sum(ju.allowed_tensor(group, "gamma").any() for group in ju.point_groups))
film = ju.Material.of_group("C4v", gamma={"xy": 0.2}, theta={"zz": 0.1})
print("gamma_yx =", film.gamma[1, 0])
turned = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # the fourfold axis in the plane
print(ju.symmetry.allowed_form("C4v", "gamma", turned))
try:
    ju.Material.of_group("D4h", gamma={"xy": 0.2})
except ValueError as error:
    print(error)
