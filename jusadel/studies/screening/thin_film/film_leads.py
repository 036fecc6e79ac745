"""Superconducting electrodes of a thin film: which phases they have, and in which gauge.

The current crosses the edge of an electrode as the energy asks: of all sheet currents K = curl(g z) that are conserved,
those through electrodes included, and all states of the pairs, the energy

    F[Delta, G; A_H + A_K] + (1/2) Int K.A_K,     A_K = (mu0 d/4 pi) Int K/|r - r'|,

is stationary with phases that do not vary along an electrode. So these are stated in the gauge A_H + A_K: that of the
applied field, which fits the electrodes, and that of Biot and Savart for the currents in the film. What flows in an
electrode, and on its way from one to another outside of the film, has no place in the model and makes no field: the
inductances are partial ones (Ruehli, IBM J. Res. Dev. 16, 470 (1972)), with electrodes as their ends. Half the
current is the energy's derivative with respect to a phase.

No other phase would do: where electrodes follow A_K along their edge from a point on, the energy is that of a film
whose current goes on along the edge to this point, a line of no width, whose field has no bound.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from jusadel.device.device import Device
from jusadel.studies.screening.edge_elements import merged_nodes, steps_of_turns
from jusadel.studies.screening.leads import differences_of_sides, lead_names, lead_rows


def lead_nodes(device: Device) -> np.ndarray:
    """The nodes at superconducting electrodes."""
    return np.unique(device.mesh.edges[lead_rows(device)])


def fitting_electrodes(device: Device) -> sp.csr_matrix | None:
    """(e, e): the gradient that an applied field needs, from what is stated along edges less what it has.

    Along electrodes it then has what is stated, and between them it misses the same along all sides of an outline, as
    with `leads` of bulk samples. None without superconducting electrodes.
    """
    if not lead_names(device):
        return None
    steps = steps_of_turns(device)[:, np.unique(merged_nodes(device)[lead_nodes(device)])]
    rows = lead_rows(device)
    along = sp.csr_matrix((np.ones(len(rows)), (np.arange(len(rows)), rows)), (len(rows), steps.shape[0]))
    asked = sp.csr_matrix(sp.vstack([along, differences_of_sides(device)]))
    return sp.csr_matrix(steps @ sp.csr_matrix(np.linalg.pinv((asked @ steps).toarray())) @ asked)
