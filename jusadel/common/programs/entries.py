"""Compiled programs in a folder that processes share: each is there whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

SUFFIX, UNFINISHED = ".program", ".part"
LIMIT = 2**30
"""Bytes that may be in the folder when a process begins to write to it."""
KEPT = 0.75
"""Of LIMIT, when those are dropped that were not asked for longest."""
ABANDONED = 3600.0
"""Seconds after which nobody still writes to an unfinished file."""


class Entries:
    """What JAX asks for compiled programs and gives new ones to, in place of its own cache.

    JAX's own writes files in place: a process that is killed meanwhile, or a full disc, leaves half a program, which
    all later ones find, warn of and compile again. Here a program gets its name when it is whole, with a digest in
    front that fits nothing else; what is not as this kind of machine wrote it counts as not there, and is replaced.
    Nothing here raises: what goes wrong stands in `notes`.
    """

    def __init__(self, folder: Path):
        self._path, self._trimmed = folder, False  # JAX's messages name `_path`
        self.notes: dict[str, str] = {}

    def get(self, key: str) -> bytes | None:
        """The program of that key, or None."""
        file = self._file(key)
        try:
            digest, program = _split(file.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            self.notes["read"] = f"programs in {self._path} cannot be read ({_reason(error)})"
            return None
        if digest != _digest(key, program):
            self.notes["foreign"] = (
                f"programs in {self._path} were damaged, or of another machine, and were compiled again"
            )
            return None
        with suppress(OSError):
            os.utime(file)
        return program

    def put(self, key: str, program: bytes) -> None:
        """Keep a program, in place of what has its name."""
        partial = self._path / f".{secrets.token_hex(8)}{UNFINISHED}"
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            if not self._trimmed:
                self._trim()
            partial.write_bytes(_digest(key, program) + program)
            os.replace(partial, self._file(key))
        except OSError as error:
            self.notes["write"] = f"programs cannot be kept in {self._path} ({_reason(error)})"
            with suppress(OSError):
                partial.unlink()

    def trouble(self) -> dict[str, str]:
        """The notes, and that nothing can be kept where nothing was tried yet."""
        there = next((place for place in (self._path, *self._path.parents) if place.exists()), self._path)
        if there.is_dir() and os.access(there, os.W_OK):
            return self.notes
        return {"write": f"programs cannot be kept in {self._path} ({there} cannot be written to)"} | self.notes

    def files(self) -> list[tuple[Path, os.stat_result]]:
        """The programs that are there, of all processes."""
        return _with_stat(self._path, SUFFIX)

    def clear(self) -> None:
        """Remove them."""
        for file, _ in self.files():
            with suppress(OSError):
                file.unlink()

    def _file(self, key: str) -> Path:
        return self._path / f"{key}{SUFFIX}"

    def _trim(self) -> None:
        """Once in a process: drop what was not asked for longest, where there is too much."""
        self._trimmed = True
        programs = sorted(self.files(), key=lambda entry: entry[1].st_mtime)
        size = sum(stat.st_size for _, stat in programs)
        target = KEPT * LIMIT if size > LIMIT else LIMIT
        old = [file for file, stat in _with_stat(self._path, UNFINISHED) if time.time() - stat.st_mtime > ABANDONED]
        for file, stat in programs:
            if size <= target:
                break
            size -= stat.st_size
            old.append(file)
        for file in old:
            with suppress(OSError):  # another process was faster
                file.unlink()


def _with_stat(folder: Path, suffix: str) -> list[tuple[Path, os.stat_result]]:
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix):
                with suppress(OSError):
                    found.append((Path(entry.path), entry.stat()))
    return found


def _split(content: bytes) -> tuple[bytes, bytes]:
    size = hashlib.sha256().digest_size
    return content[:size], content[size:]


def _digest(key: str, program: bytes) -> bytes:
    return hashlib.sha256(b"\0".join([_machine(), key.encode(), program])).digest()


@cache
def _machine() -> bytes:
    """What a program may need of its processor: JAX's keys have it too, but who runs one that does not fit crashes."""
    with suppress(OSError), open("/proc/cpuinfo", "rb") as lines:
        for line in lines:
            if line.startswith((b"flags", b"Features")):
                return line
    return platform.machine().encode()


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
