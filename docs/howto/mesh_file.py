"""A mesh from a Gmsh file, whose physical names become those of regions and boundaries."""

import jusadel as ju

mesh = ju.read_mesh("meshes/sns.msh")
print(mesh)
device = ju.Device(
    mesh=mesh,
    materials={"left": ju.Material(Tc=1.0), "normal": ju.Material(Tc=0.0), "right": ju.Material(Tc=1.0)},
    boundaries={"source": ju.Reservoir(1.76), "drain": ju.Reservoir(1.76, phase=1.0)},
)
ju.plot.device(device).figure.savefig("mesh_file.png")
mesh.write("copy.msh")  # and back
