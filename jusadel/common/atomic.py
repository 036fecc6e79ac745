"""Files that are there whole or not at all, and that one process at a time goes on with."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

Target = str | os.PathLike[str]


def checked_target(path: Target, suffixes: tuple[str, ...] = ()) -> Path:
    """The path of a file that is to be written, with one of these endings if any; links are followed and stay.

    Raises:
        ValueError: another ending. IsADirectoryError, FileNotFoundError, PermissionError: it is a folder, its folder
            does not exist, or one of them is write-protected.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is {type(path).__name__}; expected the name of a file")
    file = Path(path)
    if suffixes and file.suffix.lower() not in suffixes:
        raise ValueError(f"cannot write {str(file)!r}: expected a name that ends in {' or '.join(suffixes)}")
    if file.is_dir():
        raise IsADirectoryError(f"cannot write {str(file)!r}: it is a folder; give the name of a file in it")
    file = file.resolve()
    if not file.parent.is_dir():
        raise FileNotFoundError(f"cannot write {str(file)!r}: there is no folder {str(file.parent)!r}; make it first")
    for place in (file.parent, file):
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(f"cannot write {str(file)!r}: {str(place)!r} is write-protected")
    return file


@contextlib.contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A new name in the file's folder to write to; what is there at the end takes the file's place at once.

    Whatever goes wrong before leaves the old file, or none, as it was. A process that is killed meanwhile leaves its
    own unfinished one, whose name begins with a dot and ends in ".part".
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        yield partial
        with open(partial, "r+b") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new name last through a power failure, where the system knows how."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


# --- one at a time -----------------------------------------------------------------------------------


class InUseError(RuntimeError):
    """Another process, or another call in this one, is writing the file."""


@contextlib.contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep others out: a lock on a hidden file beside it, which the system lifts when the process ends however it ends.

    On a file system without locks nobody is kept out; `replacing` is safe there too.

    Raises:
        InUseError: somebody else is at it.
    """
    lock = file.with_name(f".{file.name}.lock")
    stream = _taken(file, lock)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file
            lock.unlink()
        stream.close()


def _taken(file: Path, lock: Path) -> IO[str]:
    while True:
        stream = open(lock, "a+", encoding="utf-8")  # noqa: SIM115
        try:
            _lock(stream)
        except BlockingIOError as error:
            stream.seek(0)
            holder = stream.read().strip() or "another process"
            stream.close()
            raise InUseError(
                f"{str(file)!r} is being written by {holder}: wait until it ends, stop it, or give another path"
            ) from error
        except OSError:  # no locks here
            return stream
        if _is_same(stream, lock):
            stream.truncate(0)
            stream.write(f"process {os.getpid()} on {socket.gethostname()}")
            stream.flush()
            return stream
        stream.close()  # its holder removed it between our opening and locking it


def _is_same(stream: IO[str], lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(lock))
    except FileNotFoundError:
        return False


def _lock(stream: IO[str]) -> None:
    """Take the lock or raise BlockingIOError."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    msvcrt: Any = __import__("msvcrt")
    try:
        stream.seek(2**20)  # beyond the text, which others may read
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    except PermissionError as error:
        raise BlockingIOError(str(error)) from error
