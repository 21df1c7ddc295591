"""The status file: what the supervisor last knew of its children, for anybody who asks."""

from pathlib import Path
from typing import Any, Literal

import msgspec

State = Literal["waiting", "starting", "running", "backing off", "done", "stopped"]


class ChildStatus(msgspec.Struct, frozen=True):
    """One child. `started_at` is in milliseconds since 1970 UTC; `last_exit` says how it ended last ("signal 9")."""

    name: str
    state: State
    pid: int | None = None
    started_at: int | None = None
    restarts: int = 0
    last_exit: str | None = None
    once: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return msgspec.structs.asdict(self)

    @property
    def is_ready(self) -> bool:
        """Tell whether others may rely on it."""
        return self.state in ("running", "done")


class StackStatus(msgspec.Struct, frozen=True):
    """The whole file: `supervisor` is the pid that wrote it; the file of a dead supervisor says nothing."""

    supervisor: int
    children: tuple[ChildStatus, ...]


def write(file: Path, status: StackStatus) -> None:
    """Replace the status file; a reader sees the old one or the new one, never a half."""
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(status), indent=2))
    fresh.replace(file)


def read(file: Path, supervisor: int) -> tuple[ChildStatus, ...]:
    """Return what the living `supervisor` wrote of its children; nothing when the file is absent or another's."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=StackStatus)
    except (FileNotFoundError, msgspec.DecodeError):
        return ()
    return found.children if found.supervisor == supervisor else ()
