"""The folder that keeps compiled programs from process to process: the user's, another one, or none."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from jax._src import compilation_cache as of_jax  # JAX has no public way to take another kind of cache
from jax.experimental.compilation_cache import compilation_cache

from jusadel.common.programs.entries import Entries

VARIABLE, OFF = "JUSADEL_CACHE", "0"


@dataclass(frozen=True)
class ProgramCache:
    """Where compiled programs are kept.

    Attributes:
        folder: None where they are not.
        programs: how many are there, of all processes.
        size: theirs [bytes].
        notes: what went wrong in this process, and changes nothing but the time that it takes.
    """

    folder: Path | None
    programs: int = 0
    size: int = 0
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        where = f"{self.folder} ({self.programs} programs, {self.size / 1e6:.1f} MB)" if self.folder else "not kept"
        return "\n".join([f"compiled programs: {where}", *(f"  note: {note}" for note in self.notes)])


class _Ours(Entries):
    """The folder until JAX is told of another one, which it would not notice by itself any more."""

    def get(self, key: str) -> bytes | None:
        if cache_folder() == str(self._path):
            return super().get(key)
        compilation_cache.reset_cache()
        return None


def cache(folder: str | os.PathLike[str] | bool | None = None, *, clear: bool = False) -> ProgramCache:
    """Where compiled programs are kept, so that later processes need not compile them again.

        ju.cache()                # where, how many, how large, and what went wrong
        ju.cache("/scratch/me")   # from now on there
        ju.cache(False)           # from now on nowhere
        ju.cache(clear=True)      # the same folder, empty

    As jusadel is imported, programs begin to be kept in `jusadel` in the user's folder for such things
    ($XDG_CACHE_HOME or ~/.cache, ~/Library/Caches, %LOCALAPPDATA%), or where the environment variable JUSADEL_CACHE
    says, a folder, or 0 for nowhere; but a cache that JAX has been told of before (JAX_COMPILATION_CACHE_DIR) stays as
    it is. All that JAX compiles in the process is kept. Processes may share the folder, also of
    several kinds of machines; whoever may write to it can have your processes run what he likes. It never grows far
    beyond a gigabyte: what was not used for longest goes.

    Args:
        folder: a folder, which is made when the first program is kept; False or 0 for none; True for the user's own;
            None leaves it as it is.
        clear: remove the programs that are in it.

    Returns:
        A record with .folder, .programs, .size and .notes, which says so in words where it is printed.
    """
    if folder is True:
        _keep_in(_users_folder())
    elif isinstance(folder, int) or folder == OFF:
        _keep_nowhere()
    elif folder is not None:
        _keep_in(Path(folder).expanduser().absolute())
    entries = of_jax._cache
    if not isinstance(entries, Entries) or cache_folder() != str(entries._path):
        return _kept_by_jax(clear)
    if clear:
        entries.clear()
    sizes = [stat.st_size for _, stat in entries.files()]
    return ProgramCache(entries._path, len(sizes), sum(sizes), tuple(entries.trouble().values()))


def cache_folder() -> str | None:
    """The folder alone, also if it is JAX's own; None where there is none."""
    return _setting("compilation_cache_dir") if _setting("enable_compilation_cache") else None


def keep_programs() -> None:
    """As jusadel is imported: in the user's folder, unless he has said otherwise."""
    wanted = os.environ.get(VARIABLE)
    told = cache_folder() or not _setting("enable_compilation_cache")
    if wanted != OFF and (wanted or not told):
        cache(wanted or True)


def _keep_in(folder: Path) -> None:
    """What XLA itself would write there on GPUs is left out: whole or not, and its place would be part of the keys."""
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()
    of_jax._cache = _Ours(folder)  # type: ignore[assignment]


def _keep_nowhere() -> None:
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.reset_cache()


def _kept_by_jax(clear: bool) -> ProgramCache:
    folder = cache_folder()
    if not folder:
        return ProgramCache(None)
    if clear:
        raise ValueError(f"programs are kept in {folder} as JAX was told, not by jusadel: empty the folder yourself")
    files = [file.stat().st_size for file in Path(folder).glob("*-cache")]
    return ProgramCache(Path(folder), len(files), sum(files), ("by JAX, as it was told",))


def _setting(name: str) -> Any:
    return getattr(jax.config, f"jax_{name}")


def _users_folder() -> Path:
    home = Path("~").expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "jusadel" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "jusadel"
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else home / ".cache") / "jusadel"
