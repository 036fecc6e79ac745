"""Compiled programs that are kept: found by later processes, never half or another machine's, never in the way."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax._src import compilation_cache as of_jax

import jusadel as ju
from jusadel.common.programs import entries, folder
from jusadel.common.programs.entries import Entries
from jusadel.common.programs.folder import keep_programs

SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_enable_xla_caches",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture
def settings():
    """JAX's, which are put back, with the cache that the tests share."""
    before, shared = {name: getattr(jax.config, name) for name in SETTINGS}, of_jax._cache
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    of_jax.reset_cache()
    of_jax._cache = shared


def compiled(x=2.0):
    """A program that is compiled, or found, anew."""
    jax.clear_caches()
    return float(jax.jit(lambda x: jnp.sin(x) * 3)(x))


class Heard(list):
    """What JAX says of its cache meanwhile."""

    def __enter__(self):
        jax.monitoring.register_event_listener(self._add)
        return self

    def __exit__(self, *error):
        jax.monitoring.unregister_event_listener(self._add)

    def _add(self, event, **about):
        self.append(event.split("/")[-1])


# --- a folder of programs ----------------------------------------------------------------------------


def test_what_is_put_is_found_by_its_key(tmp_path):
    kept = Entries(tmp_path / "new" / "folder")
    assert kept.get("a") is None
    kept.put("a", b"one")
    kept.put("b", b"")
    assert (kept.get("a"), kept.get("b"), kept.notes) == (b"one", b"", {})
    assert Entries(kept._path).get("a") == b"one"
    kept.put("a", b"two")
    assert kept.get("a") == b"two"
    kept.clear()
    assert not list(kept._path.iterdir())


@pytest.mark.parametrize("wrong", ["cut", "empty", "flipped", "another key", "another machine"])
def test_what_does_not_fit_is_not_there_and_is_replaced(tmp_path, monkeypatch, wrong):
    kept = Entries(tmp_path)
    kept.put("other", b"0123456789")
    if wrong == "another machine":
        with monkeypatch.context() as other:
            other.setattr(entries, "_machine", lambda: b"flags : with what we have not")
            kept.put("a", b"0123456789")
    content = kept._file("other" if wrong == "another key" else "a" if wrong == "another machine" else "other")
    content = content.read_bytes()
    spoilt = {"cut": content[:-1], "empty": b"", "flipped": content[:-1] + b"8"}.get(wrong, content)
    kept._file("a").write_bytes(spoilt)
    assert kept.get("a") is None
    assert "were damaged, or of another machine, and were compiled again" in kept.notes["foreign"]
    kept.put("a", b"ours")
    assert kept.get("a") == b"ours"


def test_a_folder_that_cannot_be_is_a_note(tmp_path):
    (tmp_path / "file").write_text("")
    kept = Entries(tmp_path / "file" / "folder")
    assert "cannot be written to" in kept.trouble()["write"]
    kept.put("a", b"one")
    assert kept.get("a") is None
    assert kept.trouble()["write"] == f"programs cannot be kept in {kept._path} (Not a directory)"


def test_a_full_disc_is_a_note_and_leaves_nothing(tmp_path, monkeypatch):
    def full(path, content):
        with open(path, "wb") as stream:
            stream.write(content[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    kept = Entries(tmp_path)
    kept.put("a", b"one")
    monkeypatch.setattr(Path, "write_bytes", full)
    kept.put("a", b"two")
    kept.put("b", b"two")
    assert (kept.get("a"), kept.get("b")) == (b"one", None)
    assert "No space left on device" in kept.notes["write"]
    assert len(list(tmp_path.iterdir())) == 1


def test_what_was_not_used_for_longest_goes(tmp_path, monkeypatch):
    """As a process begins to write; what nobody finished goes too, and other files stay."""
    kept = Entries(tmp_path)
    for age, name in enumerate("abcd"):
        kept.put(name, bytes(1000))
        os.utime(kept._file(name), (1e9 - age, 1e9 - age))
    for name in ("notes.txt", ".old.part", ".new.part"):
        (tmp_path / name).write_bytes(bytes(1000))
    os.utime(tmp_path / ".old.part", (1e9, 1e9))
    monkeypatch.setattr(entries, "LIMIT", 3500)
    later = Entries(tmp_path)
    assert later.get("d") == bytes(1000)  # used now
    later.put("e", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["a.program", "d.program", "e.program", "notes.txt", ".new.part"]
    )


# --- JAX with such a folder --------------------------------------------------------------------------


@pytest.mark.usefixtures("settings")
def test_jax_keeps_and_finds_programs_where_it_is_told(tmp_path):
    assert ju.cache(tmp_path / "one").programs == 0
    first = compiled()
    kept = ju.cache()
    assert kept.folder == tmp_path / "one"
    assert kept.programs >= 1
    assert kept.size == sum(file.stat().st_size for file in kept.folder.iterdir())
    assert f"{kept.folder} ({kept.programs} programs, " in str(kept)
    with Heard() as heard:
        assert compiled() == first
    assert "cache_hits" in heard
    assert "cache_misses" not in heard
    ju.cache(shutil.copytree(kept.folder, tmp_path / "two"))  # programs may be carried elsewhere
    with Heard() as heard:
        compiled()
    assert "cache_misses" not in heard
    ju.cache(kept.folder)
    assert ju.cache(clear=True).programs == 0
    for nowhere in (False, 0, "0"):
        ju.cache(kept.folder)
        assert str(ju.cache(nowhere)) == "compiled programs: not kept"
    compiled()
    assert not list(kept.folder.iterdir())


@pytest.mark.usefixtures("settings")
def test_what_jax_is_told_later_holds(tmp_path):
    ju.cache(tmp_path / "ours")
    first = compiled()
    there = ju.cache().programs
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "jax's"))
    assert ju.cache().folder == tmp_path / "jax's"
    assert compiled() == first
    assert list((tmp_path / "jax's").glob("*-cache"))
    assert len(list((tmp_path / "ours").iterdir())) == there


@pytest.mark.usefixtures("settings")
def test_a_foreign_program_is_compiled_again(tmp_path):
    """What stands under the name of another program is not run, and is no failure."""
    ju.cache(tmp_path)
    right = compiled()
    names = list(tmp_path.iterdir())
    jax.jit(lambda x: jnp.cos(x) * 5)(2.0)
    (other,) = set(tmp_path.iterdir()) - set(names)
    for name in names:
        name.write_bytes(other.read_bytes())
    with Heard() as heard:
        assert compiled() == right
    assert "cache_hits" not in heard
    assert "were damaged, or of another machine" in str(ju.cache())
    with Heard() as heard:
        assert compiled() == right
    assert "cache_hits" in heard


@pytest.mark.usefixtures("settings")
def test_programs_run_where_none_can_be_kept(tmp_path):
    (tmp_path / "file").write_text("")
    ju.cache(tmp_path / "file" / "folder")
    compiled()
    assert f"note: programs cannot be kept in {tmp_path / 'file' / 'folder'}" in str(ju.cache())


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("variable", "of_jax", "expected"),
    [
        (None, None, "user's"),
        ("own", None, "own"),
        ("0", None, None),
        (None, "jax's", "jax's"),
        ("own", "jax's", "own"),
        ("0", "jax's", "jax's"),
    ],
)
def test_who_says_where_at_import(tmp_path, monkeypatch, variable, of_jax, expected):
    """The user by our variable, else to JAX, else we."""
    ju.cache(False)
    monkeypatch.setattr(folder, "_users_folder", lambda: tmp_path / "user's")
    monkeypatch.delenv("JUSADEL_CACHE")
    if variable:
        monkeypatch.setenv("JUSADEL_CACHE", variable if variable == "0" else str(tmp_path / variable))
    jax.config.update("jax_compilation_cache_dir", of_jax and str(tmp_path / of_jax))
    keep_programs()
    assert ju.cache().folder == (expected and tmp_path / expected)
    if expected == "jax's":
        with pytest.raises(ValueError, match="as JAX was told, not by jusadel: empty the folder yourself"):
            ju.cache(clear=True)


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/jusadel"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/jusadel"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/jusadel"),
        ("darwin", {}, "home/Library/Caches/jusadel"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/jusadel/cache"),
    ],
)
def test_the_users_folder(tmp_path, monkeypatch, system, variables, expected):
    monkeypatch.setattr(sys, "platform", system)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": str(tmp_path / "home")} | variables).items():
        monkeypatch.setenv(name, value)
    assert folder._users_folder() == tmp_path / expected


# --- fresh processes ---------------------------------------------------------------------------------

TWO_BEGIN = """
import jax
events = []
jax.monitoring.register_event_listener(lambda event, **about: events.append(event.split("/")[-1]))
import jusadel as ju
ju.bulk_value(0.5, 1.0)
print(events.count("cache_misses"), events.count("cache_hits"), ju.cache().programs)
"""


def test_the_next_process_compiles_nothing(tmp_path):
    """Two that begin at once with an empty folder end well too."""
    environment = {name: value for name, value in os.environ.items() if name != "JUSADEL_CACHE"}
    options = {"env": environment | {"XDG_CACHE_HOME": str(tmp_path)}, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-W", "error", "-c", TWO_BEGIN]
    both = [subprocess.Popen(command, **options) for _ in range(2)]
    assert [process.communicate()[0] and process.returncode for process in both] == [0, 0]
    missed, hit, there = map(int, subprocess.run(command, **options, check=True).stdout.split())
    assert (missed, hit >= there) == (0, True)
    assert there == len(list((tmp_path / "jusadel").glob("*.program"))) > 0
    assert not list((tmp_path / "jusadel").glob(".*"))


def test_info_says_where_and_what_went_wrong(tmp_path):
    (tmp_path / "file").write_text("")
    where = tmp_path / "file" / "folder"
    command = [sys.executable, "-W", "error", "-m", "jusadel", "info"]
    done = subprocess.run(
        command, env=os.environ | {"JUSADEL_CACHE": str(where)}, capture_output=True, text=True, check=True
    )
    assert f"compiled programs: {where} (0 programs, 0.0 MB)\n  note: programs cannot be kept in {where}" in done.stdout
    assert not done.stderr
