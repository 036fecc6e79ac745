"""From kelvin, nanometres, millitesla, micro-ohm centimetres to the numbers that jusadel takes: `Units`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.constants import e, electron_mass, hbar, k, physical_constants

from jusadel.common.types import Number, Values
from jusadel.device.material.tensors import rashba
from jusadel.device.units.from_code import Quantity
from jusadel.device.units.junctions import Junctions
from jusadel.device.units.scales import MEV, MICRO_OHM_CM, NM, PER_EV_NM3, PS, UM, checked, named_units, one_of

BOHR_MAGNETON = physical_constants["Bohr magneton"][0]
EV_ANGSTROM = 1e-10 * e
FS = 1e-15


@dataclass(frozen=True, kw_only=True, repr=False)
class Units(Junctions):
    """The units of a calculation, from what is known of a sample.

    Methods named after a quantity take it in a laboratory unit and return the number that jusadel wants; those named
    `to_...` go back. Both take arrays. Formulas: docs/units.md; constants are CODATA's.

        u = Units(Tc=1.2, D=60.0, resistivity=4.0, thickness=20.0)    # an aluminium film: E0 = k_B Tc, L0 = xi
        film = Material(D=u.diffusion(), Tc=u.temperature(K=1.2), Gamma=u.spin_relaxation(nm=500.0))
        print(u.to_uA(current_through(sol, "right")))

    Args:
        Tc: critical temperature [K]; the unit of energy is k_B Tc. Or
        energy_scale: the unit of energy [meV].
        D: diffusion coefficient [cm^2/s]. Or
        mean_free_path, fermi_velocity: l [nm] and v_F [m/s], D = v_F l/3. Or follows from nu and resistivity.
        length_scale: unit of length [nm]; None for xi = sqrt(hbar D/E0), with which the sample has D = 1.
        thickness: of the film, d [nm].
        nu: density of states per spin [1/(eV nm^3)], for which Material's nu is 1. Or follows from
        resistivity: of the normal state, rho [micro-Ohm cm], by 1/rho = 2 e^2 nu D. Or
        sheet_resistance: rho/d [Ohm]; currents then need no thickness.

    Raises:
        ValueError: a number that is not positive, no unit of energy or length, more than is needed.
    """

    @named_units
    def length(self, *, nm: Quantity) -> Quantity:
        """A length: x/L0."""
        return checked("length nm", nm) * NM / self.length_unit

    @named_units
    def energy(self, *, meV: Number | None = None, K: Number | None = None) -> Number:
        """An energy, E/E0, or k_B T/E0: pair potentials, h, Gamma, widths eta."""
        unit, value = one_of("energy", meV=meV, K=K)
        return value * (MEV if unit == "meV" else k) / self.energy_unit

    @named_units
    def temperature(self, *, K: Quantity) -> Quantity:
        """T and Tc: k_B T/E0."""
        return checked("temperature K", K) * k / self.energy_unit

    @named_units
    def voltage(self, *, mV: Quantity) -> Quantity:
        """A voltage of `Contact`, eV/E0."""
        return checked("voltage mV", mV) * MEV / self.energy_unit

    @named_units
    def time(self, *, ps: Quantity) -> Quantity:
        """A time of `spin_dynamics`, t E0/hbar."""
        return checked("time ps", ps) * PS / self.time_unit

    @named_units
    def frequency(self, *, GHz: Quantity) -> Quantity:
        """omega of `response` and `admittance`, 2 pi f hbar/E0."""
        return 2e9 * np.pi * checked("frequency GHz", GHz) * self.time_unit

    @named_units
    def field(self, *, mT: Quantity) -> Quantity:
        """B of `uniform_field`: e B L0^2/hbar, since A stands as nabla - i A for the charge 1; h/2e is the flux pi."""
        return checked("field mT", mT) * 1e-3 / self.field_unit

    @named_units
    def exchange(self, *, meV: Quantity) -> Quantity:
        """h in H = + h.sigma: half the splitting between the spins."""
        return checked("exchange meV", meV) * MEV / self.energy_unit

    @named_units
    def zeeman(self, *, mT: Number, g: Number = 2.0) -> Number:
        """h of a magnetic field, g mu_B B/2; along B, since the spin of electrons is opposite to their moment."""
        return checked("zeeman g", g) * BOHR_MAGNETON * checked("zeeman mT", mT) * 1e-3 / (2 * self.energy_unit)

    @named_units
    def diffusion(
        self,
        *,
        cm2_per_s: Number | None = None,
        mean_free_path_nm: Number | None = None,
        fermi_velocity: Number | None = None,
    ) -> Number:
        """D, from itself or as v_F l/3 (v_F in m/s); without arguments that of the Units: hbar D/(E0 L0^2)."""
        return self._diffusion_of(cm2_per_s, mean_free_path_nm, fermi_velocity) / self.diffusion_unit

    @named_units
    def relative_nu(
        self,
        *,
        per_eV_nm3: Number | None = None,
        resistivity: Number | None = None,
        cm2_per_s: Number | None = None,
        thickness_nm: Number | None = None,
    ) -> Number:
        """nu of another material or thickness: N0' d'/(N0 d), with N0' = 1/(2 e^2 rho' D') where rho' is given.

        Args:
            per_eV_nm3: density of states per spin [1/(eV nm^3)]; or
            resistivity, cm2_per_s: rho [micro-Ohm cm] and D [cm^2/s]; None for the D of the Units.
            thickness_nm: None for that of the Units.
        """
        unit, value = one_of("relative_nu", True, per_eV_nm3=per_eV_nm3, resistivity=resistivity)
        if unit == "per_eV_nm3":
            states = value * PER_EV_NM3
        else:
            states = 1 / (2 * e**2 * value * MICRO_OHM_CM * self._diffusion_of(cm2_per_s))
        if thickness_nm is None:
            return states / self.density_of_states
        return states * checked("relative_nu thickness_nm", thickness_nm, True) * NM / self.sheet_density_of_states

    @named_units
    def conductance(self, *, ohm_um2: Number | None = None, ohm_um: Number | None = None) -> Number:
        """G_B of `Tunnel` and `Interface`, per length: (d/r) L0 over the unit of conductance.

        Args:
            ohm_um2: resistance times area of the barrier, r [Ohm um^2]: the thickness of the film cancels, and a stack
                in cross-section needs none; or
            ohm_um: resistance times width, R w = r/d [Ohm um].
        """
        unit, value = one_of("conductance", True, ohm_um2=ohm_um2, ohm_um=ohm_um)
        if unit == "ohm_um2":
            return self.area_resistance_unit / (value * UM**2)
        return self.length_unit / (value * UM * self.conductance_unit)

    @named_units
    def current(self, *, uA: Quantity) -> Quantity:
        """A current, as of `Contact`: I/(e N0 d E0^2 L0^2/hbar); a spin current as e times the spins up minus down."""
        return checked("current uA", uA) * 1e-6 / self.current_unit

    # --- pair breaking ------------------------------------------------------------------------------------

    @named_units
    def magnetic_relaxation(self, *, ps: Number) -> Number:
        """magnetic_Gamma of isotropic magnetic impurities, from their spin-flip time: 4 hbar/(3 tau_sf E0).

        docs/physics.md, section 8: pairs break at 3 Gamma^m/4, which is the hbar/tau_sf that stands with sin(theta)
        cos(theta) in the Usadel equation of Anthore, Pothier and Esteve, PRL 90, 127001 (2003).

        Args:
            ps: spin-flip time tau_sf.
        """
        return 4 / 3 * self.time_unit / (checked("magnetic_relaxation ps", ps, True) * PS)

    @named_units
    def depairing(self, *, mT: Number, nm: Number, cm2_per_s: Number | None = None) -> Number:
        """depairing of a thin film in a field along it, or of a narrow wire across it: D e^2 B^2 d^2/(6 hbar E0).

        The mean of D q^2/2 with q = 2 e B z/hbar over -d/2 < z < d/2; d well below the coherence length.

        Args:
            mT: the field B.
            nm: thickness of the film, or width of the wire, d.
            cm2_per_s: D of the material; None for that of the Units.
        """
        d, B = checked("depairing nm", nm, True) * NM, checked("depairing mT", mT) * 1e-3
        return self._diffusion_of(cm2_per_s) * (e * B * d) ** 2 / (6 * hbar * self.energy_unit)

    @named_units
    def inelastic(self, *, ps: Number) -> Number:
        """inelastic, from the time after which a quasiparticle is lost to the bath, tau_in, or its phase is, tau_phi:
        hbar/(2 tau E0).

        Amplitudes decay as exp(-Gamma t/hbar), occupations at the rate 2 Gamma/hbar, and two waves that interfere, each
        with its Gamma, at the same rate. Dynes' Gamma, and the inelastic rate that usadel1 has for each wire, stand
        beside E as E + i Gamma too and need no more than their unit: `energy(...)`.

        Args:
            ps: the time.
        """
        return self.time_unit / (2 * checked("inelastic ps", ps, True) * PS)

    # --- spin-orbit coupling ----------------------------------------------------------------------------

    @named_units
    def spin_relaxation(
        self, *, nm: Number | None = None, ps: Number | None = None, cm2_per_s: Number | None = None
    ) -> Number:
        """Gamma of an isotropic material, the rate at which spin decays: hbar D/(l^2 E0) or hbar/(tau E0).

        physics.md, section 5: D S'' = Gamma S, so that l = sqrt(hbar D/Gamma) = sqrt(D tau) is the spin diffusion
        length of spin valves (Valet and Fert, PRB 48, 7099 (1993)). Where spins flip up and down at 1/tau_f each, tau
        = tau_f/2. Where a spin field relaxes spins too, this is the total: give Material what is left.

        Args:
            nm: spin diffusion length; or
            ps: spin relaxation time.
            cm2_per_s: D of the material; None for that of the Units.
        """
        unit, value = one_of("spin_relaxation", True, nm=nm, ps=ps)
        if unit == "ps":
            return self.time_unit / (value * PS)
        return hbar * self._diffusion_of(cm2_per_s) / ((value * NM) ** 2 * self.energy_unit)

    @named_units
    def dephasing(
        self, *, nm: Number | None = None, ps: Number | None = None, cm2_per_s: Number | None = None
    ) -> Number:
        """dephasing of a material, the rate 1/tau_phi: hbar D/(L_phi^2 E0) or hbar/(tau_phi E0).

        Args:
            nm: dephasing length L_phi = sqrt(D tau_phi); or
            ps: dephasing time tau_phi.
            cm2_per_s: D of the material; None for that of the Units.
        """
        unit, value = one_of("dephasing", True, nm=nm, ps=ps)
        if unit == "ps":
            return self.time_unit / (value * PS)
        return hbar * self._diffusion_of(cm2_per_s) / ((value * NM) ** 2 * self.energy_unit)

    @named_units
    def spin_hall(self, *, angle: Number) -> np.ndarray:
        """theta of an isotropic material with a spin Hall angle: (0, 0, angle).

        physics.md, section 5, says that spin l flows as theta j x l, j the charge current and both as numbers of
        carriers: the angle of Sinova et al., RMP 87, 1213 (2015), spins up minus down counted with e, factor one.
        """
        return np.array([0.0, 0.0, 1.0]) * checked("spin_hall angle", angle)

    @named_units
    def spin_field(
        self, *, eV_angstrom: Number | None = None, mass: Number = 1.0, per_nm: Number | None = None
    ) -> Number:
        """The amplitude x of spin_field = rashba(x) for H = hbar^2 k^2/2m + alpha_R (sigma_x k_y - sigma_y k_x).

        (p - a_k)^2/2m with a_k = a_jk sigma_j gives a_xy = -a_yx = -m alpha_R/hbar^2 (physics.md, section 1). Spins
        turn by 2 m alpha_R L/hbar^2 on the way L (Datta and Das, APL 56, 665 (1990)).

        Args:
            eV_angstrom: alpha_R; or
            per_nm: m alpha_R/hbar^2, the shift k_0 of the parabolas that photoemission sees [1/nm].
            mass: effective mass over that of the electron.
        """
        unit, value = one_of("spin_field", eV_angstrom=eV_angstrom, per_nm=per_nm)
        if unit == "per_nm":
            return -value / NM * self.length_unit
        mass = checked("spin_field mass", mass, True) * electron_mass
        return -mass * value * EV_ANGSTROM / hbar**2 * self.length_unit

    @named_units
    def rashba(self, *, eV_angstrom: Number, mass: Number, scattering_fs: Number) -> dict[str, Values]:
        """spin_field and theta of a two-dimensional metal with Rashba coupling and isotropic scatterers.

        The field strength of a SU(2) field makes the spin Hall angle theta_zz = 2 m alpha_R^2 tau/hbar^3, and through
        its own torque the whole Edelstein effect: |S| = alpha_R tau |grad mu|/hbar along y (Edelstein, Solid State
        Commun. 73, 233 (1990); Raimondi et al., Ann. Phys. (Berlin) 524, 153 (2012)). So gamma is not to be given as
        well. Valid where spins turn little between two collisions, alpha_R k_F tau << hbar.

        Args:
            eV_angstrom, mass: as in `spin_field`.
            scattering_fs: momentum relaxation time tau; D = v_F^2 tau/2.

        Returns:
            Fields of Material, `Material(D=..., **u.rashba(...))`.
        """
        alpha = checked("rashba eV_angstrom", eV_angstrom) * EV_ANGSTROM
        m = checked("rashba mass", mass, True) * electron_mass
        tau = checked("rashba scattering_fs", scattering_fs, True) * FS
        theta = self.spin_hall(angle=2 * m * alpha**2 * tau / hbar**3)
        return {"spin_field": rashba(1.0) * self.spin_field(eV_angstrom=eV_angstrom, mass=mass), "theta": theta}

    @named_units
    def spin_galvanic(self, *, edelstein_nm: Number, Gamma: Number) -> Number:
        """The amplitude x of gamma = rashba(x) of a layer with an inverse Edelstein length lambda: lambda Gamma/L0.

        Spin that flows into the layer at the rate Gamma S drives j = gamma S (physics.md, section 5): lambda = j/(Gamma
        S), the ratio of the layer's current to the density of spin current (Rojas-Sanchez et al., Nat. Commun. 4, 2944
        (2013); there lambda = alpha_R tau/hbar). The sign turns with the layer's normal.

        Args:
            edelstein_nm: lambda, of either sign.
            Gamma: all of the relaxation of in-plane spins in the layer, a number as `spin_relaxation` gives.
        """
        rate = checked("spin_galvanic Gamma", Gamma, True)
        return checked("spin_galvanic edelstein_nm", edelstein_nm) * NM / self.length_unit * rate
