"""Junctions in circuits: a current-phase relation with resistor, capacitor, noise, microwaves, or a second junction.

Small circuits in laboratory units (uA, uV, Ohm, pF, pH, K, GHz, ns), as experiments have them; no circuit simulator.
"""
