"""Sweeps in parallel: over worker processes, clients of a cluster, and the processes of jax.distributed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import swept

from jusadel.studies.sweeps.sweep import sweep

VALUES = [0.5, 1.0, 1.5, 2.0, 2.5]
HERE = Path(__file__).parents[1]
"""Where `swept` is, which worker processes import."""


@pytest.fixture(autouse=True)
def interruptible():
    """Also where the tests run in the background of a shell, whose processes begin deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def wave(v, previous):
    return {"sine": np.sin(v), "row": [v, previous or 0.0]}


def same(found, other):
    assert list(found) == list(other)
    for name in found:
        np.testing.assert_array_equal(found[name], other[name])
        assert found[name].dtype == other[name].dtype


class Client:
    """Of a cluster that does what it is given when it is asked for, the last first; it fails at some values."""

    def __init__(self, bad=()):
        self.bad, self.seen, self.tasks = bad, [], []

    def submit(self, function, number, value):
        future = Future()
        self.tasks.insert(0, (future, function, number, value))
        if number == len(VALUES) - 1:
            threading.Thread(target=self.work).start()
        return future

    def work(self):
        time.sleep(0.05)
        for future, function, number, value in self.tasks:
            if not future.set_running_or_notify_cancel():
                continue
            if value in self.bad:
                future.set_exception(self.bad[value])
                continue
            self.seen.append(value)
            future.set_result(function(number, value))


# --- clients -----------------------------------------------------------------------------------------


def test_client_gives_what_one_process_gives(tmp_path):
    lines, client = [], Client()
    found = sweep(wave, VALUES, client=client, path=tmp_path / "s.npz", start=3.0, progress=lines.append)
    same(found, sweep(wave, VALUES, start=3.0))
    assert client.seen == VALUES[::-1]
    assert lines[0].startswith("sweep: 1 of 5 points, value 2.5: sine = ")
    same(sweep(None, VALUES, path=tmp_path / "s.npz"), found)
    with ThreadPoolExecutor(2) as pool:
        same(sweep(wave, np.array(VALUES), client=pool, start=3.0), found)
        with pytest.raises(TypeError, match="points of a sweep in parallel all begin with `start`") as caught:
            sweep(lambda v, previous: (v, v), VALUES[:1], client=pool)
    assert caught.value.__notes__ == ["in the sweep at value 0.5, point 1 of 1"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("no luck")])
@pytest.mark.parametrize("again", [None, Client])
def test_broken_off_and_gone_on_with_equals_uninterrupted(tmp_path, error, again):
    """The file has the last points and not the first ones, which the second call finds missing."""
    path = tmp_path / "s.npz"
    with pytest.raises(type(error)):
        sweep(wave, VALUES, client=Client({1.0: error}), path=path)
    seen = []

    def noting(v, previous):
        seen.append(v)
        return wave(v, previous)

    if again:
        with ThreadPoolExecutor(1) as pool:
            found = sweep(noting, VALUES, path=path, client=pool)
    else:
        found = sweep(noting, VALUES, path=path)
    assert seen == [0.5, 1.0]
    same(found, sweep(wave, VALUES))
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]


def test_interrupt_while_waiting(tmp_path):
    """Ctrl-C reaches a sweep that waits for others, and what is finished is on disk."""
    hold, begun, path = threading.Event(), [], tmp_path / "s.npz"

    def point(v, previous):
        begun.append(v)
        if v == 1.0:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            hold.wait(20)
        return v

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            sweep(point, VALUES, path=path, client=pool)
        hold.set()
    assert begun == [0.5, 1.0]
    seen = []
    sweep(lambda v, previous: seen.append(v) or v, VALUES, path=path)
    assert seen == VALUES[1:]


def test_dask(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = sweep(wave, VALUES, client=client, path=tmp_path / "s.npz", start=3.0)
        with pytest.raises(ArithmeticError, match=r"0\.5 is too much"):
            sweep(swept.failing, VALUES[:1], client=client)
    same(found, sweep(wave, VALUES, start=3.0))


# --- worker processes --------------------------------------------------------------------------------


def test_workers_give_what_one_process_gives(tmp_path):
    before = dict(os.environ)
    temperatures = np.linspace(0.1, 0.9, 6)
    found = sweep(swept.gap, temperatures, workers=2, path=tmp_path / "s.npz", start=3.0)
    plain = sweep(swept.gap, temperatures, start=3.0)
    for name in ("gap", "pair"):
        np.testing.assert_array_equal(found[name], plain[name])
    processes, threads = found["where"].T
    assert os.getpid() not in processes
    share = max(1, len(os.sched_getaffinity(0)) // 2) if sys.platform == "linux" else threads[0]
    assert set(threads) == {int(before.get("NPROC", share))}
    assert dict(os.environ) == before
    for process in set(processes):
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.parametrize(
    ("point", "error", "message"),
    [
        (swept.failing, ArithmeticError, "0.5 is too much"),
        (swept.ending, RuntimeError, "a worker process ended before its point was done"),
    ],
)
def test_what_goes_wrong_in_a_worker(point, error, message):
    with pytest.raises(error, match=message) as caught:
        sweep(point, VALUES[:1], workers=1)
    if error is not RuntimeError:
        assert caught.value.__notes__ == ["in the sweep at value 0.5, point 1 of 1"]


KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
import swept
from jusadel.studies.sweeps.sweep import sweep
if __name__ == "__main__":
    sweep(swept.slow_after_two, [2.5, 0.5, 1.0, 1.5], path=sys.argv[1], start=sys.argv[3], workers=2)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_gone_on_with_equals_uninterrupted(tmp_path, how):
    """One worker sits on a point that never ends when the sweep is killed: the rest is on disk, and workers end too."""
    script, path, folder = tmp_path / "script.py", tmp_path / "s.npz", tmp_path / "begun"
    script.write_text(KILLED)
    folder.mkdir()
    options = {"env": os.environ | {"PYTHONPATH": str(HERE.parent)}, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, script, path, HERE, folder], **options)
    wait_for(lambda: path.exists() and len(points_in(path)) == 3)
    workers = {int(file.read_text()) for file in folder.iterdir()}
    assert len(workers) == 2
    assert process.pid not in workers
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)  # half as long as the point would take
    assert ("KeyboardInterrupt" in errors) == (how == signal.SIGINT)
    for worker in workers:
        wait_for(lambda worker=worker: not alive(worker))
    np.testing.assert_array_equal(points_in(path), [1, 2, 3])
    found = sweep(lambda v, previous: 6.25 if v == 2.5 else None, [2.5, 0.5, 1.0, 1.5], path=path, start=str(folder))
    np.testing.assert_array_equal(found["result"], np.square([2.5, 0.5, 1.0, 1.5]))


def points_in(path):
    with np.load(path) as held:
        return held["points"]


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(process):
    """Whether it runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- jax.distributed ---------------------------------------------------------------------------------

DISTRIBUTED = """
import sys
from dataclasses import dataclass
import jax
import numpy as np
address, rank, path = sys.argv[1:]
jax.distributed.initialize(address, num_processes=2, process_id=int(rank))
from jusadel.common.distributed import shared_out
from jusadel.studies.sweeps.sweep import sweep

@dataclass
class Found:
    omega: np.ndarray

def point(v, previous):
    whole = shared_out(lambda omega, V: Found(omega), v + np.arange(3.0), np.zeros(3))  # as solve does
    return {"square": v**2, "rank": jax.process_index(), "omega": whole.omega}

def failing(v, previous):
    if v == 2.0:
        raise ArithmeticError("too much")
    return v

found = sweep(point, [1.0, 2.0, 3.0, 4.0, 5.0], path=path, workers="jax.distributed")
np.savez(f"{path}.{rank}.npz", **found.results)
try:
    sweep(failing, [1.0, 2.0, 3.0], workers="jax.distributed")
except Exception as error:
    print(type(error).__name__, error, flush=True)
"""


def test_processes_of_jax_distributed(tmp_path):
    """Each does points of its own, and goes on with the file of a sweep that ended after the first."""
    path = tmp_path / "s.npz"
    first = {"square": 1.0, "rank": 7, "omega": 1 + np.arange(3.0)}

    def broken(v, previous):
        if v > 1:
            raise KeyboardInterrupt
        return first

    with pytest.raises(KeyboardInterrupt):
        sweep(broken, [1.0, 2.0, 3.0, 4.0, 5.0], path=path)
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    command = [sys.executable, "-c", DISTRIBUTED, address]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    both = [subprocess.Popen([*command, str(rank), str(path)], **pipes) for rank in range(2)]
    texts = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], texts
    printed = [output for output, _ in texts]
    assert "RuntimeError in process 1: too much\nin the sweep at value 2.0, point 2 of 3\n" in printed[0]
    assert "ArithmeticError too much\n" in printed[1]
    for rank in range(2):
        with np.load(path.with_name(f"s.npz.{rank}.npz")) as held:
            found = dict(held)
        np.testing.assert_array_equal(found["square"], np.square([1, 2, 3, 4, 5]))
        np.testing.assert_array_equal(found["rank"], [7, 0, 1, 0, 1])
        np.testing.assert_array_equal(found["omega"], np.add.outer([1, 2, 3, 4, 5], [0, 1, 2]))
    np.testing.assert_array_equal(points_in(path), np.arange(5))


# --- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"workers": 2, "client": Client()}, ValueError, "workers and client are two ways of one thing"),
        ({"workers": 2, "both_directions": True}, ValueError, "both_directions follows a branch, each point from"),
        ({"client": Client(), "both_directions": True}, ValueError, "both_directions follows a branch"),
        ({"client": "tcp://cluster"}, TypeError, r"client is str, which has no submit\(\); expected a dask"),
        ({"workers": 0}, ValueError, "workers = 0; expected a number of processes, 1 or more, or 'jax.distributed'"),
        ({"workers": 1.5}, ValueError, "workers = 1.5; expected a number of processes"),
        ({"workers": "many"}, ValueError, "workers = 'many'; expected a number of processes"),
    ],
)
def test_ways_that_there_are_not(options, error, message):
    with pytest.raises(error, match=message):
        sweep(wave, VALUES, **options)


def test_points_that_cannot_be_sent(monkeypatch):
    with pytest.raises(TypeError, match=r"the function cannot be sent to worker processes .* top level of a module"):
        sweep(lambda v, previous: v, VALUES, workers=2)
    with pytest.raises(TypeError, match="start cannot be sent to worker processes"):
        sweep(wave, VALUES, workers=2, start=lambda p: p)
    monkeypatch.setattr(wave, "__module__", "__main__")
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    with pytest.raises(TypeError, match="was defined in an interactive session, which worker processes cannot read"):
        sweep(wave, VALUES, workers=2)


def test_points_that_follow_one_another(tmp_path):
    """A branch and a sweep in parallel do not go on with each other's file."""
    path = tmp_path / "s.npz"

    def branch(v, previous):
        if v == 2.0:
            raise KeyboardInterrupt
        return v, v

    with pytest.raises(KeyboardInterrupt):
        sweep(branch, VALUES, path=path)
    with pytest.raises(ValueError, match="the file holds a sweep in which each point starts from the one before"):
        sweep(swept.failing, VALUES, path=path, workers=2)
    path.unlink()
    with pytest.raises(RuntimeError):
        sweep(wave, VALUES, path=path, client=Client({0.5: RuntimeError()}))
    with pytest.raises(TypeError, match="points of a sweep in parallel all begin with `start`"):
        sweep(lambda v, previous: (wave(v, previous), v), VALUES, path=path)
