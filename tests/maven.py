"""Servers on Java for tests, by their Maven coordinates: fetched once, kept outside of the tree."""

import fcntl
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "premortem-tests"


class Missing(Exception):
    """A server on Java cannot be had here; the message says why."""


def jars(server: str) -> Path:
    """Return the folder of the jars of `tests/<server>/pom.xml`; skips the test where they cannot be had."""
    try:
        return fetched(server)
    except Missing as reason:
        pytest.skip(str(reason))


def fetched(server: str) -> Path:
    """Return the folder of the jars of `tests/<server>/pom.xml`, fetched when they are not there; raises Missing."""
    pom = Path(__file__).parent / server / "pom.xml"
    target = CACHE / f"{server}-{pinned(server)}"
    if shutil.which("java") is None:
        raise Missing(f"no Java: {server} cannot run (install a JRE 17 or newer)")
    with fetching():
        if target.is_dir():
            return target
        if shutil.which("mvn") is None:
            raise Missing(f"no Maven: {server} could not be fetched")
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise Missing(f"no Maven repository: {server} could not be fetched: {done.stdout[-200:]}")
        fresh.rename(target)
        return target


@contextmanager
def fetching() -> Iterator[None]:
    """Keep others from fetching meanwhile: tests run in several processes, and both may need what is not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pinned(server: str) -> str:
    """Return the version of the one dependency of `tests/<server>/pom.xml`."""
    pom = ET.parse(Path(__file__).parent / server / "pom.xml")
    version = pom.findtext(".//{*}dependency/{*}version")
    assert version
    return version
