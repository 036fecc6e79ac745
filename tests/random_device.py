"""A small device with every field varying in space, its frames, and its derivatives by plain differentiation."""

import jax
import jax.numpy as jnp
import numpy as np

from jusadel import Device, Material, electrode_gauge, rectangle
from jusadel.action.assembly import discretise
from jusadel.action.sparse_hessian import action_of_steps
from jusadel.action.terms import GRADIENT, NODAL
from jusadel.device.material.material import ROWS, SHAPES

OMEGA = 0.8


def small_mesh():
    """Twenty nodes, two regions, no two triangles alike."""
    plain = rectangle(
        1.5,
        1.2,
        1.0,
        x=np.linspace(0, 1.5, 5),
        y=np.linspace(0, 1.2, 4),
        regions={"left": lambda c: c[:, 0] < 0.75, "right": lambda c: c[:, 0] > 0.75},
    )
    return plain.with_points(plain.points + np.random.default_rng(0).normal(scale=0.03, size=plain.points.shape))


def tensors(seed):
    rng = np.random.default_rng(seed)
    D, Gamma = rng.normal(size=(2, 2)), rng.normal(size=(3, 3))
    given = {
        "D": D @ D.T + np.eye(2),
        "h": rng.normal(size=3),
        "Gamma": Gamma @ Gamma.T + 5 * np.eye(3),  # every relaxation rate positive
        "spin_field": rng.normal(size=(3, 2)),
        "gamma": rng.normal(size=(3, 2)),
        "theta": rng.normal(size=3),
        "kappa": 0.3 * rng.normal(size=3),
        "nu": 1.0 + rng.random(),
    }
    return given


def magnet(seed):
    """Fields of a magnet that has no symmetry left."""
    rng = np.random.default_rng(seed)
    given = magnetic(rng)
    rest = (k for k in (*NODAL, *GRADIENT) if k not in given and k not in tensors(seed))
    return given | {k: rng.normal(size=SHAPES[k]) for k in rest}


def magnetic(rng, size=0.3):
    """Those that must be positive or symmetric."""
    Gamma, P, K = (size * rng.normal(size=shape) for shape in ((3, 3), (3, 2, 2), (3, 2, 2)))
    both = lambda x: (x + np.swapaxes(x, -1, -2)) / 4  # noqa: E731
    return {
        "magnetic_Gamma": Gamma @ Gamma.T,
        "depairing": size * rng.random(),
        "inelastic": size / 2,
        "P": 0.1 * both(P),
        "K": both(K),
    }


def mild(seed, spin_orbit=0.2):
    """Fields of a material in which no symmetry is left and every term is a fraction of the diffusion."""
    rng = np.random.default_rng(seed)
    return {
        "D": [[1.2, 0.2], [0.2, 0.9]],
        "Gamma": [[0.8, 0.1, 0.0], [0.1, 0.6, 0.1], [0.0, 0.1, 0.9]],
        "spin_field": 0.3 * rng.normal(size=(3, 2)),
        "gamma": spin_orbit * rng.normal(size=(3, 2)),
        "theta": spin_orbit * rng.normal(size=3),
        "kappa": spin_orbit * rng.normal(size=3),
        "nu": 1.4,
    }


ALL = {"left": tensors(1), "right": tensors(2)}
"""All but the terms of magnets, which take long to compile beside the others."""
EVERY = {region: fields | magnet(seed) for seed, (region, fields) in enumerate(ALL.items(), 3)}


def varying(tensor):
    """A field that varies in space and whose value at the origin is not the tensor."""
    tensor = np.asarray(tensor)
    return lambda x: jnp.tensordot(1 + 0.3 * jnp.sin(x[:, 0] - 2 * jnp.asarray(x)[:, 1]), tensor, 0)


def rotated(given, turn):
    """All spin indices turned by an orthogonal matrix."""
    spins = {k: ROWS[k].indices.count("s") for k in given}
    turned = {k: np.tensordot(turn, given[k], 1) for k in given if spins[k]}
    return given | turned | {k: turned[k] @ turn.T for k in given if spins[k] == 2}


def materials(given, uniform=()):
    """Materials from {region: tensors}; all fields but `uniform` vary in space."""
    return {
        region: Material(Tc=1.0, **{k: v if k in uniform else varying(v) for k, v in fields.items()})
        for region, fields in given.items()
    }


def vector_potential(x):
    x = jnp.asarray(x)
    return jnp.stack([0.4 * jnp.cos(x[:, 1]), jnp.sin(x[:, 0] + x[:, 1] ** 2)], axis=1)


def gauge_function(x):
    return 0.9 * jnp.sin(1.3 * x[..., 0] + 0.2) * jnp.cos(x[..., 1]) + 0.5 * x[..., 1] ** 2


def pair_potential(mesh):
    rng = np.random.default_rng(3)
    nodal = rng.normal(size=mesh.n_nodes) + 1j * rng.normal(size=mesh.n_nodes)
    return jnp.asarray(nodal[mesh.triangles])


def make(mesh, given=ALL, A=vector_potential, Delta=None, **options):
    device = Device(
        mesh=mesh,
        materials=materials(given, options.pop("uniform", ())),
        vector_potential=None if A is None else electrode_gauge(A),
        boundaries=options.pop("boundaries", {}),
    )
    return discretise(device, pair_potential(mesh) if Delta is None else Delta)


def frames(mesh, kind=float):
    rng = np.random.default_rng(4)
    V = np.eye(4) + 0.25 * rng.normal(size=(mesh.n_nodes, 4, 4))
    if kind is complex:
        V = V + 0.25j * rng.normal(size=V.shape)
    return jnp.asarray(V)


def _dense(system, V, omega):
    """Gradient and Hessian of the action of steps by plain automatic differentiation."""
    holomorphic = jnp.iscomplexobj(V)
    gradient = jax.grad(action_of_steps, argnums=1, holomorphic=holomorphic)
    u = jnp.zeros((len(V), 8), V.dtype)
    basis = jnp.eye(u.size, dtype=V.dtype).reshape(-1, *u.shape)
    columns = jax.lax.map(lambda t: jax.jvp(lambda x: gradient(system, x, V, omega), (u,), (t,))[1], basis)
    return gradient(system, u, V, omega), columns.reshape(u.size, u.size)


dense = jax.jit(_dense)
