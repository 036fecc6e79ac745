"""Calls in parallel: over worker processes of this machine, over a cluster, over the processes of jax.distributed.

Each way is an iterator over (number, record) in the order in which calls end; closing it early ends the others.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol

import jax
import numpy as np

from jusadel.common.distributed import everyones, on_its_own, processors
from jusadel.common.types import ArrayLike
from jusadel.studies.sweeps.records import Record

Call = Callable[[int, ArrayLike], Record]
Jobs = Sequence[tuple[int, ArrayLike]]
Records = Generator[tuple[int, Record], None, None]


class Future(Protocol):
    """What a client gives for a call that is under way."""

    def result(self) -> Any:
        """What the call returned; raises what it raised."""

    def cancel(self) -> Any:
        """Begin it no more."""

    def add_done_callback(self, fn: Callable[..., Any], /) -> Any:
        """Call fn(future) as it ends."""


class Client(Protocol):
    """A cluster, or an executor."""

    def submit(self, fn: Callable[..., Any], /, *arguments: Any) -> Future:
        """Begin fn(*arguments) somewhere."""


THREADS = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables from which XLA and the linear algebra libraries take their number of threads when they are loaded."""


# --- a cluster ---------------------------------------------------------------------------------------


def over_client(client: Client, call: Call, jobs: Jobs) -> Records:
    """Through client.submit(call, number, value), whose futures have result, cancel and add_done_callback."""
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    waiting: dict[int, Future] = {}
    try:
        for number, value in jobs:
            waiting[number] = client.submit(call, number, value)
            waiting[number].add_done_callback(lambda _, number=number: ended.put(number))
        for _ in jobs:
            number = ended.get()
            yield number, waiting.pop(number).result()
    finally:
        for future in waiting.values():
            future.cancel()


# --- worker processes --------------------------------------------------------------------------------


def over_workers(count: int, call: Call, jobs: Jobs) -> Records:
    """Over new processes of this machine, each with its share of the processors; they end with this iterator."""
    count = min(count, len(jobs))
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    with _threads_of_new_processes(max(1, processors() // count)):
        pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(reader,))
        try:
            yield from over_client(pool, call, jobs)
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a worker process ended before its point was done: it ran out of memory or was killed, or the program "
                'is a script that calls sweep outside of `if __name__ == "__main__":`, which workers read too'
            ) from error
        finally:
            writer.close()
            pool.shutdown(cancel_futures=True)
            reader.close()


@contextmanager
def _threads_of_new_processes(share: int) -> Iterator[None]:
    """Processes that start meanwhile use so many threads, unless the user has said how many, and share a GPU."""
    wanted = dict.fromkeys(THREADS, str(share)) | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    new = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


def _begin(reader: Connection) -> None:
    """In a worker: leave interrupts to the process that started it, and end when that one closes the pipe or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(reader,), daemon=True).start()


def _end_with(reader: Connection) -> None:
    with suppress(EOFError, OSError):
        reader.recv()
    os._exit(1)


def check_sendable(point: object, start: object) -> None:
    """Raise TypeError unless new processes can be given both."""
    main = sys.modules["__main__"]
    if getattr(point, "__module__", None) == "__main__" and not hasattr(main, "__file__"):
        raise TypeError(
            f"{point!r} was defined in an interactive session, which worker processes cannot read: put it into a "
            "module and import it from there"
        )
    for name, thing in (("the function", point), ("start", start)):
        try:
            pickle.dumps(thing)
        except Exception as error:
            raise TypeError(
                f"{name} cannot be sent to worker processes ({error}): it has to be defined at the top level of a "
                "module, not inside a function and not as a lambda"
            ) from error


# --- jax.distributed ---------------------------------------------------------------------------------


def over_processes(call: Call, jobs: Jobs) -> Records:
    """Over the processes of jax.distributed, which all iterate and all get all records: a call each, then the next."""
    count, me = jax.process_count(), jax.process_index()
    for first in range(0, len(jobs), count):
        these = jobs[first : first + count]
        failure, own = _tried(call, *these[me]) if me < len(these) else (None, b"")
        for rank, ((number, _), packed) in enumerate(zip(these, everyones(own), strict=False)):
            if failure and rank == me:
                raise failure
            yield number, _unpacked(packed, rank)


def _tried(call: Call, number: int, value: ArrayLike) -> tuple[Exception | None, bytes]:
    """The error or None, and what the other processes get."""
    try:
        with on_its_own():
            record = call(number, value)
    except Exception as error:
        return error, b"error" + "\n".join([str(error), *getattr(error, "__notes__", ())]).encode()
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **{f"result {name}": x for name, x in record.items()})
    return None, stream.getvalue()


def _unpacked(packed: bytes, rank: int) -> Record:
    if packed.startswith(b"error"):
        raise RuntimeError(f"in process {rank}: {packed.removeprefix(b'error').decode()}")
    with np.load(io.BytesIO(packed), allow_pickle=False) as held:
        return {name.removeprefix("result "): held[name] for name in held.files}
