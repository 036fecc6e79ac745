"""Functions that sweeps in worker processes are given; modules of tests would take them long to import."""

import os
import time
from pathlib import Path

import jusadel as ju


def gap(T, previous):
    """With the process that found it and its number of threads."""
    where = [os.getpid(), int(os.environ["NPROC"])] if "NPROC" in os.environ else [0, 0]
    return {"gap": ju.bulk_gap(T), "pair": [T, previous or 0.0], "where": where}


def slow_after_two(v, folder):
    """Quick up to two, then two minutes; leaves a file at the beginning of each point."""
    (Path(folder) / f"{v}.begun").write_text(str(os.getpid()))
    if v > 2:
        time.sleep(120)
    return v**2


def ending(v, previous):
    """A process that dies."""
    os._exit(1)


def failing(v, previous):
    """An error of the function's own."""
    raise ArithmeticError(f"{v} is too much")
