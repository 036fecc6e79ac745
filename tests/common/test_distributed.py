"""Frequencies shared by several devices of one process, and by two processes, give what one device gives."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest

SOLVE = """
import sys
import jax
import numpy as np
jax.config.update("jax_disable_most_optimizations", True)
address, rank, path = sys.argv[1:]
if address:
    jax.distributed.initialize(address, num_processes=2, process_id=int(rank))
import jusadel as ju
ends = {"left": ju.Reservoir(1.0), "right": ju.Reservoir(1.0, phase=2.0)}
strip = ju.Material(Tc=0.0, h=(0.3, 0.0, 0.4))
device = ju.Device(mesh=ju.rectangle(2.0, 1.0, 0.34), materials=strip, boundaries=ends)
solver = ju.linear.SuperLU() if address else ju.linear.Krylov()
sol = ju.solve(device, T=0.1, frequencies=5, linear_solver=solver)
np.savez(path, G=sol.G, steps=sol.stats["steps"], devices=jax.local_device_count(), processes=jax.process_count())
"""


def start(tmp_path, name, devices=1, address="", rank=0):
    """The process, and the file it will write."""
    path = tmp_path / f"{name}.npz"
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", SOLVE, address, str(rank), str(path)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True), path


def finished(process, path):
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    return np.load(path)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return finished(*start(tmp_path_factory.mktemp("alone"), "alone"))


def test_several_devices_in_one_process(alone, tmp_path):
    found = finished(*start(tmp_path, "three", devices=3))
    assert found["devices"] == 3
    assert alone["devices"] == 1
    np.testing.assert_allclose(found["G"], alone["G"], atol=1e-8)
    np.testing.assert_array_equal(found["steps"], alone["steps"])


def test_two_processes(alone, tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    both = [start(tmp_path, f"rank{rank}", address=address, rank=rank) for rank in range(2)]
    results = [finished(*one) for one in both]
    assert [int(r["processes"]) for r in results] == [2, 2]
    np.testing.assert_array_equal(results[0]["G"], results[1]["G"])
    np.testing.assert_allclose(results[0]["G"], alone["G"], atol=1e-8)
