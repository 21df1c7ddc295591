"""Versions: records of every version that was ever written are read in the shape of today, and newer ones are refused.

The bytes on the log stay as they are. What reads them gets a record whose `v` is the newest that this code knows; what
a version meant by other words is said by the stream's `upcast`, and nowhere else (docs/adr/0020).
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct


class Versioned(Protocol):
    """A record of a stream."""

    @property
    def v(self) -> int:
        """Return the version of its shape."""


AnyRecord = TypeVar("AnyRecord", bound=Versioned)


class Newer(Exception):
    """A newer version of Premortem wrote this record. Read with what is known here it might say something else.

    No ValueError: what passes over broken records must not pass over this one, which is whole.
    """


class _Label(Struct, frozen=True):
    """Of an encoded record only what it is."""

    kind: str
    v: int = 1


_LABEL = msgspec.json.Decoder(_Label)


def reader(
    decode: Callable[[bytes], AnyRecord],
    versions: Mapping[type[AnyRecord], int],
    upcast: Callable[[AnyRecord], AnyRecord],
) -> Callable[[bytes], AnyRecord]:
    """Return what reads a record of any version in the shape of today.

    `decode` reads it as it was written, `versions` has the newest version of each kind. What is returned raises Newer
    for a record of a kind or version that is not known here, and ValueError for bytes that are no record at all.
    """
    newest_by_kind = {str(kind.__struct_config__.tag): version for kind, version in versions.items()}  # type: ignore[attr-defined]

    def read(record: bytes) -> AnyRecord:
        try:
            found = decode(record)
        except msgspec.DecodeError:
            _refuse_newer(record, newest_by_kind)
            raise
        newest = versions[type(found)]
        if found.v == newest:
            return found
        if found.v > newest:
            _refuse_newer(record, newest_by_kind)
        return upcast(found)

    return read


def _refuse_newer(record: bytes, newest_by_kind: Mapping[str, int]) -> None:
    """Raise Newer when the record says that it is of a kind, or of a version, that is not known here."""
    try:
        label = _LABEL.decode(record)
    except msgspec.DecodeError:
        return
    newest = newest_by_kind.get(label.kind, 0)
    if label.v > newest:
        known = f"here it is known up to version {newest}" if newest else "here no such kind is known"
        raise Newer(
            f"{label.kind}, version {label.v}, was written by a newer Premortem: {known}. Upgrade what reads it;"
            " nothing is lost, and it goes on from there."
        )
