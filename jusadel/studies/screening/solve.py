"""The self-consistent vector potential where nothing depends on z and the field is along z: currents screen the field.

Per length along z the functional is that of the Usadel equation and the energy of the field,

    E[Delta, G; A] = F[Delta, G; A] + (1/2 mu0) Int (curl A - H)^2 dA,

stationary in A too: curl curl A = mu0 j with curl A = H at the outer edge, j = -dF/dA. A hole holds a uniform field of
its own. The unknowns are the edge integrals of A (`edge_elements`) next to the pair potential, and Newton's method
takes both together with the exact linear response of G, as the gap equation does alone. Its preconditioner leaves G as
it is: w a for Delta and curl curl/mu0 + d2F/dA2, London's equation, for A. A gauge transformation leads from any
solution to others of the same fields: MINRES does not mind, since the residual has no part along it.

In a dirty superconductor F = 4 pi nu D T Sum_{omega>0} sin^2(theta) Int A^2, so that j = -A/(mu0 lambda^2) with

    1/(mu0 lambda^2) = 8 pi nu D T Sum_{omega>0} Delta^2/(omega^2 + Delta^2) = 2 pi nu D Delta tanh(Delta/2T).
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal, overload

import jax.numpy as jnp
import numpy as np

from jusadel.common.differentiability import (
    DIFFERENCES,
    is_traced,
    refuse_in_program,
    refuse_traced,
    waits,
    worked_out,
)
from jusadel.common.programs.compilation import Stopwatch
from jusadel.common.progress import ProgressOption, reporter
from jusadel.common.types import Field, Frequencies, PairPotential
from jusadel.device.device import Device
from jusadel.device.pair_potential import at_vertices, default_pair_potential
from jusadel.solver import gap
from jusadel.solver.checks import refuse_bad_input
from jusadel.solver.derivatives.tracing import still
from jusadel.solver.derivatives.under_grad import Stated
from jusadel.solver.equilibrium import SELF_CONSISTENT, first_pair_potential
from jusadel.solver.linear import LinearSolver
from jusadel.solver.problem import pose
from jusadel.solver.resolution import isotropic_metric, warn_where_coarse
from jusadel.solver.start import starting_frames
from jusadel.solver.states.solution import Solution
from jusadel.studies.screening.checks import BULK, FILM, check_screening, warn_of_long_rims
from jusadel.studies.screening.derivatives.edge_fields import bulk_field, film_field
from jusadel.studies.screening.derivatives.implicit_fields import differentiated_fields
from jusadel.studies.screening.derivatives.in_programs import screened_in_program
from jusadel.studies.screening.edge_elements import EdgeSpace, WhitneyField, edge_space
from jusadel.studies.screening.leads import as_leads_have_it, refuse_given_on_both_sides, with_leads
from jusadel.studies.screening.model import ScreeningModel, State, first_state, penetration_depths
from jusadel.studies.screening.newton import classified, converged
from jusadel.studies.screening.result import ScreenedSolution, screened_solution
from jusadel.studies.screening.thin_film.film_model import FilmModel, edges_of, film_model
from jusadel.studies.screening.thin_film.film_result import ScreenedFilm, screened_film


@overload
def solve_screened(
    device: Device,
    T: float,
    H: Field,
    permeability: float,
    pair_potential: PairPotential = ...,
    frequencies: Frequencies = ...,
    tol: float = ...,
    start: Solution | PairPotential = ...,
    linear_solver: LinearSolver | None = ...,
    accuracy: float = ...,
    gap_tol: float = ...,
    progress: ProgressOption = ...,
    *,
    model: Literal["film"],
    thickness: float,
) -> ScreenedFilm: ...
@overload
def solve_screened(
    device: Device, T: float, H: Field, permeability: float, *args: Any, **options: Any
) -> ScreenedSolution: ...
def solve_screened(
    device: Device,
    T: float,
    H: Field,
    permeability: float,
    pair_potential: PairPotential = SELF_CONSISTENT,
    frequencies: Frequencies = None,
    tol: float = 1e-9,
    start: Solution | PairPotential = None,
    linear_solver: LinearSolver | None = None,
    accuracy: float = 1e-4,
    gap_tol: float = 1e-8,
    progress: ProgressOption = False,
    *,
    model: str = BULK,
    thickness: float | None = None,
) -> ScreenedSolution | ScreenedFilm:
    """Solve the Usadel equation together with Maxwell's, in a field along z: a sample along which nothing depends on z,
    or a thin film.

    Args:
        device: the Device; its vector potential is where the search starts, none being the field-free state. Seams
            keep the phases they were given; no net current flows through them. Superconducting electrodes of bulk
            samples keep the field out and feed the current that their phases ask for (`leads`); a field that is to
            enter them needs them as regions of the mesh, with such electrodes behind.
        T: temperature > 0 [energy].
        H: the field outside, along z, in units where the flux quantum is pi [1/length^2]; with a current through
            superconducting electrodes its mean over the sides between them. For a film that applied, which may also be
            a function of points, its vector potential in any gauge (`coil_field`, `dipole_field`).
        permeability: mu0 in the units of the other numbers, which sets the penetration depth of a dirty bulk
            superconductor, 1/lambda^2 = 2 pi mu0 nu D Delta tanh(Delta/2T).
        pair_potential: "self-consistent", or a given one as in `solve`. The phase of a given one only chooses the
            gauge: A is found such that no current is fed in. At electrodes it is that of the electrode.
        start: as in `solve`; a ScreenedSolution also gives the vector potential to start from.
        gap_tol: largest residual: of the gap equation relative to the bulk gap; of the field relative to the largest
            field; and of A along the mesh's links, as a phase.
        frequencies, tol, linear_solver, accuracy, progress: as in `solve`.
        model: "bulk", nothing depends on z; or "film", a film in the plane z = 0 that is thin compared with the
            penetration depth, whose currents act on each other by Biot and Savart, through holes and outside too.
            Electrodes let currents in and out; their phases are those in the gauge of the applied field and of Biot and
            Savart for the film (`film_leads`).
        thickness: of the film, d [length]. Its screening length is Pearl's, 2 lambda^2/d.

    Returns:
        A ScreenedSolution; a ScreenedFilm of a film.

    Raises:
        SolveError: as in `solve`, or the field did not converge.
        ValueError: superconducting electrodes of periodic devices and in holes, which touch each other or are in
            pieces, or close round a film; a given pair potential next to a barrier before one, or on both sides of
            another; permeability or thickness <= 0, or a thickness in the model "bulk"; H no number; a film that is
            periodic; and what `solve` refuses.
        NotDifferentiableError: with traced points of the mesh or phases of seams; of a film inside `jax.jit` or
            `jax.vmap`. Under `jax.grad` and its kin there are derivatives with respect to all other numbers, of what
            does not depend on the gauge. Inside `jax.jit` and `jax.vmap` they are of first order, the number of
            frequencies must be given, and all is NaN where it fails.

    Warns:
        UnstableStateWarning: the state is stationary, but no minimum of the energy (`sol.stats["screening_stable"]`).
        UserWarning: the film is thicker than the penetration depth.
        CoarseMeshWarning: triangles at a film's rim are so long that the sheet current there is wrong.
    """
    if waits(asked := locals()):
        return worked_out(solve_screened, asked)
    options: dict[str, Any] = {"tol": tol, "linear_solver": linear_solver, "accuracy": accuracy, "gap_tol": gap_tol}
    given: tuple[Any, ...] = device, T, H, permeability, pair_potential, frequencies
    applied = edges_of(device, H) if model == FILM and callable(H) else None
    if is_traced((given, thickness, applied)):
        return _differentiated(given, start, options | {"progress": progress}, (model, thickness), applied)
    return _found(*given, start=start, progress=progress, film=(model, thickness), **options)[2]


def _differentiated(
    given: tuple[Any, ...], start: Any, options: dict[str, Any], film: tuple[str, Any], applied: Any
) -> ScreenedSolution | ScreenedFilm:
    """As `solve_screened`, with numbers that JAX traces; `applied`: the edge integrals of an H that is a function."""
    device, T, H, permeability, pair_potential, frequencies = given
    phases = [b.phase for b in device.periodic().values()]
    refuse_traced("solve_screened", "the other numbers have derivatives", points=device.mesh.points, phases=phases)
    plain: Any = still((device, T, permeability, pair_potential, frequencies))
    plain_H = still(H) if applied is None else WhitneyField(device.mesh, still(applied))
    if is_traced((plain, plain_H, still((start, applied, film[1])))):
        if film[0] == FILM:
            refuse_in_program("solve_screened of a film", DIFFERENCES, numbers=(given, film[1], applied))
        return screened_in_program(solve_screened, given, start, options)
    plain = (*plain[:2], plain_H, *plain[2:])
    model, state, sol = _found(*plain, start=still(start), film=still(film), **options)
    Delta = None if model.where is not None else at_vertices(device, default_pair_potential(plain[0], pair_potential))
    Delta = None if Delta is None else as_leads_have_it(device, Delta)
    stated, numbers = Stated(device, T, Delta, frequencies), {"applied_field": H, "permeability": permeability}
    if isinstance(model, FilmModel):
        edges = edges_of(device, H) if applied is None else applied
        field: Any = film_field(model, device, edges, permeability * film[1])
        numbers["thickness"] = film[1]
    else:
        field = bulk_field(model, device, H, permeability)
    return differentiated_fields(stated, model, state, sol, field, numbers)


def _found(
    device: Device,
    T: float,
    H: float,
    permeability: float,
    pair_potential: Any,
    frequencies: Any,
    *,
    start: Any,
    tol: float,
    linear_solver: LinearSolver | None,
    accuracy: float,
    gap_tol: float,
    progress: ProgressOption,
    film: tuple[str, Any] = (BULK, None),
) -> tuple[ScreeningModel, State, Any]:
    """The model, its state and the solution."""
    refuse_bad_input(device, tol, gap_tol)
    check_screening(device, H, permeability, *film)
    watch, stated = Stopwatch(), device
    if isinstance(start, ScreenedSolution | ScreenedFilm):
        device = replace(device, vector_potential=start.device.vector_potential)
    consistent, Delta, start = first_pair_potential(device, T, pair_potential, start)
    if not consistent:
        refuse_given_on_both_sides(stated, Delta)
        Delta = jnp.asarray(as_leads_have_it(stated, Delta))
    problem = pose(
        device,
        T,
        Delta,
        frequencies=frequencies,
        accuracy=accuracy,
        tol=tol,
        linear_solver=linear_solver,
        progress=reporter(progress),
        unknown=("A", "Delta") if consistent else ("A",),
    )
    where = gap.weighted_sites(problem) if consistent else None
    model = _model(stated, edge_space(device, problem.system), where, H, permeability, film)
    first = first_state(model, problem, Delta, starting_frames(device, problem.system, start))
    found, nearby, stats = converged(model, first, gap_tol)
    found, named = classified(model, found, nearby)
    depths = penetration_depths(found.problem, found.metric.london, permeability)
    _warn_where_coarse(device, depths, film[1])
    stats |= named | {"compile_seconds": watch.compiling}
    if isinstance(model, FilmModel):
        return model, found, screened_film(model, found, Delta, watch.seconds, stats, (H, permeability, film[1]))
    return model, found, screened_solution(model, found, Delta, watch.seconds, stats)


def _model(
    device: Device, space: EdgeSpace, where: gap.Sites | None, H: Any, permeability: float, film: tuple[str, Any]
) -> ScreeningModel:
    if film[0] == FILM:
        warn_of_long_rims(device)
        return film_model(device, space, where, H, permeability, film[1])
    return ScreeningModel(with_leads(space, device), where, float(H), float(permeability))


def _warn_where_coarse(device: Device, depths: np.ndarray, thickness: float | None) -> None:
    """Of penetration depths (m,), and of Pearl's lengths of a film."""
    if thickness is None:
        return warn_where_coarse(device, "penetration depth", isotropic_metric(depths), stacklevel=5)
    warn_where_coarse(device, "Pearl length", isotropic_metric(2 * depths**2 / thickness), stacklevel=5)
    if depths.min() < thickness:
        warnings.warn(
            f"thickness = {thickness:.3g} exceeds the penetration depth, {depths.min():.3g} at the least: currents "
            "would vary across the film, which the model 'film' takes as thin",
            stacklevel=4,
        )
