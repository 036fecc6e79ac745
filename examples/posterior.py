"""Two islands of a posterior: what critical currents at two temperatures say of an S/F/S junction, and a fit does not.

The amplitude |I| at the phase pi/2 does not tell a 0 junction from a pi junction. Measured at two temperatures with 2 %
noise, it leaves two islands in the plane of exchange field and barrier conductance. A fit ends in the nearer one, fits
perfectly and quotes small errors; fits from two starts are the proposals of a sampler (blackjax, extra "posterior")
that jumps between the islands and weighs both. The current at a third temperature would tell them apart. Energies in
E_Th = D/L^2. Leaves posterior.png and prints the tables of the fits and one `name = value` a line.
"""

import warnings
from dataclasses import replace

import blackjax
import jax
import jax.numpy as jnp
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from jax.scipy.stats import multivariate_normal
from scipy.linalg import block_diag

import jusadel as ju

MESH = ju.rectangle(1.0, 0.2, 0.2, x=(1 - np.cos(np.pi * np.linspace(0, 1, 8))) / 2, y=np.array([0.0, 0.2]))
TEMPERATURES, THIRD = (0.5, 1.0), 2.0
TRUTH = {"h": 12.0, "conductance": 2.0}
STARTS = ({"h": 2.0, "conductance": 1.0}, {"h": 10.0, "conductance": 3.0})
HIGHEST = {"h": 16.0, "conductance": 8.0}
NOISE, SEED, SAMPLES = 0.02, 1, 800
WIDER = 2.0
warnings.simplefilter("ignore", ju.CoarseMeshWarning)  # edges of half a decay length at the largest h


def currents(p, temperatures):
    """At the phase pi/2 and each temperature, in nu D E_Th times the width over the length.

    The electrodes' gap is that of all of them, so that one solve has the frequencies of all sums.
    """
    ferromagnet = ju.Material(D=1.0, Tc=0.0, h=p["h"] * np.array([0, 0, 1]))
    ends = {"left": ju.Reservoir(20.0), "right": ju.Tunnel(ju.Reservoir(20.0, phase=np.pi / 2), p["conductance"])}
    device = ju.Device(mesh=MESH, materials=ferromagnet, boundaries=ends)
    omega, weights = zip(*(ju.matsubara.quadrature(T, 2) for T in temperatures), strict=True)
    all_omega, shares = np.concatenate(omega), block_diag(*weights)
    sol = ju.solve(
        device, 1.0, frequencies=(all_omega, np.ones(len(all_omega))), linear_solver=ju.linear.SuperLU(threads=1)
    )
    of_each = [replace(sol, T=T, weights=share) for T, share in zip(temperatures, shares, strict=True)]
    return jnp.stack([ju.current_through(each, "right") / 0.2 for each in of_each])


@jax.jit
def model(p):
    """Amplitudes at both temperatures."""
    return jnp.abs(currents(p, TEMPERATURES))


def measured():
    """Amplitudes with noise, and its standard deviations."""
    exact = np.asarray(model(TRUTH))
    return exact * (1 + NOISE * np.random.default_rng(SEED).normal(size=exact.shape)), NOISE * exact


def named(x):
    """Parameters of vectors (..., 2)."""
    return dict(zip(HIGHEST, jnp.moveaxis(x, -1, 0), strict=True))


def sampled(L, fits, key):
    """A chain (SAMPLES, 2) of the posterior of a flat prior up to HIGHEST; its steps lead anywhere in the islands."""
    highest = jnp.array(list(HIGHEST.values()))
    means = jnp.array([list(fit.params.values()) for fit in fits])
    covariances = WIDER**2 * jnp.array([fit.covariance for fit in fits])

    def log_density(x):
        inside = jnp.all((x > 0) & (x < highest))
        return jnp.where(inside, L(named(jnp.clip(x, 1e-3, highest))), -jnp.inf)

    def proposed(key):
        which, where = jax.random.split(key)
        k = jax.random.choice(which, len(fits))
        return jax.random.multivariate_normal(where, means[k], covariances[k])

    def log_proposed(_, to):
        return jax.nn.logsumexp(multivariate_normal.logpdf(to.position, means, covariances))

    kernel = blackjax.irmh(log_density, proposed, log_proposed)

    @jax.jit
    def chain(keys):
        return jax.lax.scan(lambda state, key: (kernel.step(key, state)[0],) * 2, kernel.init(means[0]), keys)[1]

    return chain(jax.random.split(key, SAMPLES)).position


def ellipse(fit):
    """Points at two standard errors from what was fitted, after its covariance."""
    angle = np.linspace(0, 2 * np.pi, 100)
    around = np.linalg.cholesky(fit.covariance) @ np.stack([np.cos(angle), np.sin(angle)])
    return np.array(list(fit.params.values()))[:, None] + 2 * around


def draw(samples, third, fits):
    """The islands with the ellipses of the fits, and what a third temperature would say."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for colour, name, which in (("C0", "0 junction", third > 0), ("C3", r"$\pi$ junction", third <= 0)):
        axes[0].plot(*samples[which].T, f"{colour}.", ms=4, alpha=0.5, label=name)
        axes[1].hist(
            np.abs(third[which]),
            bins=np.linspace(0, 1.1 * np.abs(third).max(), 61),
            color=colour,
            alpha=0.7,
            label=name,
        )
    for fit, label in zip(fits, ("two errors of the fits", None), strict=True):
        axes[0].plot(*ellipse(fit), "k-", lw=1, label=label)
    axes[0].plot(*TRUTH.values(), "k*", ms=11, label="truth")
    axes[0].set(xlabel=r"exchange field $h/E_{Th}$", ylabel="conductance of the barrier")
    axes[0].set(
        xscale="log",
        yscale="log",
        title=rf"posterior of $|I|$ at $T = {TEMPERATURES[0]:g}$ and ${TEMPERATURES[1]:g}\,E_{{Th}}$",
    )
    axes[1].set(
        xlabel=rf"$|I|$ at $T = {THIRD:g}\,E_{{Th}}$", ylabel="samples", title="what the current at a third says"
    )
    axes[0].legend(loc="upper left")
    axes[1].legend()
    figure.savefig("posterior.png", dpi=150)


def main():
    """Make data, fit, sample, draw the picture, print the numbers."""
    data, sigma = measured()
    fits = [ju.fit(model, data, start, sigma, transforms=dict.fromkeys(start, ju.positive)) for start in STARTS]
    for fit in fits:
        print(fit)
    L = ju.log_likelihood(model, data, STARTS[0], sigma)
    samples = np.asarray(sampled(L, fits, jax.random.key(SEED)))
    third = np.asarray(jax.jit(jax.vmap(lambda x: currents(named(x), (THIRD,))[0]))(samples[:: max(1, SAMPLES // 200)]))
    draw(samples[:: max(1, SAMPLES // 200)], third, fits)
    pi = samples[:, 0] > 5.0  # far from both islands
    numbers = {"pi_fraction": np.mean(pi), "moves": np.mean(np.any(np.diff(samples, axis=0) != 0, axis=1))}
    for label, fit, which in zip(("0", "pi"), fits, (~pi, pi), strict=True):
        for k, name in enumerate(HIGHEST):
            numbers |= {f"{name}_{label}_fit": fit.params[name], f"{name}_{label}_error": fit.errors[name]}
            mean, spread = samples[which, k].mean(), samples[which, k].std()
            numbers |= {f"{name}_{label}_mean": mean, f"{name}_{label}_spread": spread}
    numbers |= {"third_0": np.abs(third[third > 0]).mean(), "third_pi": np.abs(third[third <= 0]).mean()}
    print("\n".join(f"{name} = {float(value):.6g}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
