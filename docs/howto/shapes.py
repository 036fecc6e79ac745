"""A film cut out of others with shapely, and the same film as a layer of a GDSII file."""

import gdstk
import shapely

import jusadel as ju

banks = shapely.box(0, 0, 4, 4).union(shapely.box(6, 0, 10, 4))
sharp = banks.union(shapely.box(4, 1.5, 6, 2.5)) - shapely.Point(2, 2).buffer(0.8)
film = sharp.buffer(0.4).buffer(-0.4)  # rounds the corners between the bridge and the banks
leads = {"left": shapely.box(-1, 0, 0, 4), "right": shapely.box(10, 0, 11, 4)}  # what they touch
normal = shapely.box(4.5, 0, 5.5, 4)
mesh = ju.polygon(film, size=0.5, regions={"bridge": normal}, boundaries=leads, rest="banks")
device = ju.Device(
    mesh=mesh,
    materials={"bridge": ju.Material(Tc=0.0), "banks": ju.Material(Tc=1.0)},
    boundaries={"left": ju.Reservoir(1.7), "right": ju.Reservoir(1.7, phase=1.0)},
)
ju.plot.device(device).figure.savefig("shapes.png")
print("area =", mesh.areas.sum())
print("area_of_shapely =", film.area)

library = gdstk.Library(unit=1e-6, precision=1e-9)  # micrometres, on a grid of 1 nm
cell = library.new_cell("TOP")
without_hole = gdstk.Polygon(film.exterior.coords[:-1], layer=1)
cell.add(*gdstk.boolean(without_hole, gdstk.Polygon(film.interiors[0].coords[:-1]), "not", layer=1))
cell.add(*(gdstk.rectangle(shape.bounds[:2], shape.bounds[2:], layer=10 + k) for k, shape in enumerate(leads.values())))
library.write_gds("layout.gds")
from_file = ju.read_gds("layout.gds", size=500.0, film=1, boundaries={"left": 10, "right": 11}, unit=1e-9)
print("area_in_nm2 =", from_file.areas.sum())
