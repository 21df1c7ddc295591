"""The evidence store in ClickHouse, or in what speaks its HTTP interface. One connection inserts, another one asks."""

import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from premortem.adapters.evidence_store.tables import archived_deploy, archived_event, portions, text
from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedRow
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.exceptions import Conflict, Malformed, Unavailable, Unprepared
from premortem.ports import (
    AttributeCount,
    AttributeCounts,
    Errors,
    MinuteCount,
    NewError,
    Reach,
    ReleaseCount,
    ReleaseSince,
    Representatives,
    Sightings,
    SlotCount,
)

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_CONNECT_SECONDS = 5
_Asked = dict[str, str | int | Sequence[str]]
LEAST_VERSION = (25, 8)
"""The oldest engine over which the schema and every question here were seen to work."""
_UNPREPARED = frozenset({60, 81, 497, 516})
"""Codes: UNKNOWN_TABLE, UNKNOWN_DATABASE, ACCESS_DENIED, AUTHENTICATION_FAILED. Source: ErrorCodes.cpp."""
_MEND = (
    "Run: premortem migrate; where tables were lost, premortem rebuild archive; or mend the access of"
    " PREMORTEM_CLICKHOUSE_URL"
)
_ANSWER_SECONDS = 2
"""So much longer than the server's own deadline does the client wait for the answer."""


class ClickHouseEvidenceStore:
    """Events in ClickHouse at `url` (http://user:password@host:port/database); it connects when first used.

    A question ends after `query_seconds`, an insertion after `insert_seconds`, on the server and here; what the server
    or the network did not do in time, or refused to do, is Unavailable. Thread-safe.
    """

    def __init__(self, url: str, *, query_seconds: int = 10, insert_seconds: int = 30) -> None:
        self._asking = _Connection(url, query_seconds)
        self._inserting = _Connection(url, insert_seconds)

    def insert(self, rows: Sequence[ArchivedRow]) -> None:
        """Archive rows, in as few insertions as they fit. Raises Malformed for numbers beyond 64 bits, Unavailable."""
        for table, portion in portions(rows):
            with self._inserting.client() as client:
                client.insert(
                    table.name,
                    table.data(portion),
                    column_names=[column.name for column in table.columns],
                    column_type_names=[column.type for column in table.columns],
                    column_oriented=True,
                    # A block may hold times of any month: one bad clock must not keep its neighbours out.
                    settings={"throw_on_max_partitions_per_insert_block": 0},
                )

    def event(self, tenant: TenantId, project: ProjectId, event_id: EventId) -> ArchivedEvent | None:
        """Return one event, or None."""
        rows = self._ask("event", tenant, project, event_id=event_id)
        return archived_event(rows[0]) if rows else None

    def counts(
        self, tenant: TenantId, project: ProjectId, fingerprint: Fingerprint, start: int, end: int
    ) -> Sequence[MinuteCount]:
        """Return events per minute, in order."""
        rows = self._ask("counts", tenant, project, fingerprint=fingerprint, start=start, end=end)
        return [MinuteCount(minute, count) for minute, count in rows]

    def sightings(self, tenant: TenantId, project: ProjectId, fingerprint: Fingerprint) -> Sightings | None:
        """Return first and last sighting, or None."""
        rows = self._ask("sightings", tenant, project, fingerprint=fingerprint)
        return Sightings(*rows[0]) if rows else None

    def release_counts(
        self,
        tenant: TenantId,
        project: ProjectId,
        environment: str,
        fingerprints: Sequence[Fingerprint],
        start: int,
        end: int,
        width: int,
    ) -> Sequence[SlotCount]:
        """Return events of some fingerprints per slot and release, in order."""
        asked: _Asked = {"environment": environment, "start": start, "end": end, "width": width}
        return _slots(self._ask("release_counts", tenant, project, fingerprints=fingerprints, **asked))

    def release_activity(
        self, tenant: TenantId, project: ProjectId, environment: str, start: int, end: int, width: int
    ) -> Sequence[SlotCount]:
        """Return events of all fingerprints per slot and release, in order; a sketch."""
        asked: _Asked = {"environment": environment, "start": start, "end": end, "width": width}
        return _slots(self._ask("release_activity", tenant, project, **asked))

    def release_sessions(
        self, tenant: TenantId, project: ProjectId, environment: str, start: int, end: int, width: int
    ) -> Sequence[SlotCount]:
        """Return sessions per slot and release, in order."""
        asked: _Asked = {"environment": environment, "start": start, "end": end, "width": width}
        return _slots(self._ask("release_sessions", tenant, project, **asked))

    def new_errors(
        self,
        tenant: TenantId,
        project: ProjectId,
        environment: str,
        releases: Sequence[str],
        start: int,
        end: int,
        limit: int,
    ) -> Sequence[NewError]:
        """Return fingerprints that were first seen in that time, most events first."""
        asked: _Asked = {"environment": environment, "start": start, "end": end, "limit": limit}
        rows = self._ask("new_errors", tenant, project, releases=releases, **asked)
        return [
            NewError(Fingerprint(fingerprint.decode()), first, title.decode(), events, EventId(event_id.decode()))
            for fingerprint, first, title, events, event_id in rows
        ]

    def releases_since(
        self, tenant: TenantId, project: ProjectId, environment: str, since: int, limit: int
    ) -> Sequence[ReleaseSince]:
        """Return releases that are new in the environment, in order."""
        rows = self._ask("releases_since", tenant, project, environment=environment, since=since, limit=limit)
        return [ReleaseSince(release.decode(), first_seen) for release, first_seen in rows]

    def release_first_seen(self, tenant: TenantId, project: ProjectId, environment: str, release: str) -> int | None:
        """Return the release's first event or session in the environment, or None."""
        asked: _Asked = {"environment": environment, "release": release}
        first: int | None = self._ask("release_first_seen", tenant, project, **asked)[0][0]
        return first

    def deploys_since(
        self, tenant: TenantId, project: ProjectId, environment: str, since: int, limit: int
    ) -> Sequence[ArchivedDeploy]:
        """Return deploys of the environment, in order."""
        rows = self._ask("deploys_since", tenant, project, environment=environment, since=since, limit=limit)
        return [archived_deploy(row) for row in rows]

    def attributes(
        self, tenant: TenantId, project: ProjectId, inside: Errors, before: Errors, limit: int
    ) -> AttributeCounts:
        """Return what events inside carry, and how many of those before do."""
        asked: _Asked = {**_span(inside, "inside_"), **_span(before, "before_"), "limit": limit}
        rows = self._ask("attributes", tenant, project, **asked)
        total = rows[0] if rows else ("", "", 0, 0)
        counts = (AttributeCount(name.decode(), value.decode(), some, other) for name, value, some, other in rows[1:])
        return AttributeCounts(total[2], total[3], tuple(counts))

    def representatives(self, tenant: TenantId, project: ProjectId, errors: Errors) -> Representatives | None:
        """Return events that stand for others."""
        ((*found, kinds),) = self._ask("representatives", tenant, project, **_span(errors))
        first, latest, rarest = (EventId(name.decode()) for name in found)
        return Representatives(first, latest, rarest if kinds > 1 else None) if kinds else None

    def sample(
        self, tenant: TenantId, project: ProjectId, errors: Errors, limit: int, *, others_in: str | None = None
    ) -> Sequence[ArchivedEvent]:
        """Return some events, in order of id."""
        if others_in is None:
            rows = self._ask("sample", tenant, project, limit=limit, **_span(errors))
        else:
            rows = self._ask("sample_others", tenant, project, limit=limit, environment=others_in, **_span(errors))
        return [archived_event(row) for row in rows]

    def releases_in(
        self, tenant: TenantId, project: ProjectId, environment: str, errors: Errors, since: int, limit: int
    ) -> Sequence[ReleaseCount]:
        """Return releases with any event, the newest first."""
        asked: _Asked = {"environment": environment, "since": since, "limit": limit, **_span(errors)}
        rows = self._ask("releases_in", tenant, project, **asked)
        return [ReleaseCount(release.decode(), *numbers) for release, *numbers in rows]

    def reach(self, tenant: TenantId, project: ProjectId, errors: Errors) -> Reach | None:
        """Return how far errors reach."""
        ((events, users, releases, environments, *seen),) = self._ask("reach", tenant, project, **_span(errors))
        first, second = (tuple(name.decode() for name in each) for each in (releases, environments))
        return Reach(events, users, first, second, *seen) if events else None

    def count_events(self) -> int:
        """Return how many distinct events are archived."""
        return int(self._asking.rows(statement("count_events"), {})[0][0])

    def version(self) -> str:
        """Return the server's version: the cheapest question there is."""
        return str(self._asking.rows("SELECT version()", {})[0][0].decode())

    def close(self) -> None:
        """Close the connections; the store connects again when it is used again."""
        self._asking.close()
        self._inserting.close()

    def _ask(
        self, name: str, tenant: TenantId, project: ProjectId, **parameters: str | int | Sequence[str]
    ) -> Sequence[Sequence[Any]]:
        """Return the rows of `name`.sql, whose first condition is the tenant and the project given here."""
        asked: dict[str, Any] = {**parameters, "tenant": tenant, "project": project}
        for key, value in asked.items():
            if isinstance(value, str):
                asked[key] = text(value).decode()
            elif not isinstance(value, int):
                asked[key] = [text(each).decode() for each in value]
        return self._asking.rows(statement(name), asked)


def _span(errors: Errors, prefix: str = "") -> _Asked:
    return {
        f"{prefix}fingerprints": errors.fingerprints,
        f"{prefix}start": errors.start,
        f"{prefix}end": errors.end,
    }


def _slots(rows: Sequence[Sequence[Any]]) -> list[SlotCount]:
    return [SlotCount(slot, release.decode(), count) for slot, release, count in rows]


def require_version(version: str, least: tuple[int, ...] = LEAST_VERSION) -> str:
    """Return the version of a server; Conflict with the mend when it is too old."""
    if tuple(int(part) for part in version.split(".")[:2]) < least:
        wanted = ".".join(map(str, least))
        raise Conflict(f"ClickHouse {version} is too old: Premortem needs {wanted} or newer. Upgrade it.")
    return version


@cache
def statement(name: str) -> str:
    """Return the statement in `name`.sql."""
    return Path(__file__).with_name(f"{name}.sql").read_text()


class _Connection:
    """A client of its own pool, made when first used; each of its requests ends after `seconds`."""

    def __init__(self, url: str, seconds: int) -> None:
        self._url, self._seconds = url, seconds
        self._lock = threading.Lock()
        self._client: Client | None = None

    @contextmanager
    def client(self) -> Iterator["Client"]:
        """Lend the client; its exceptions become ours."""
        # Imported when first used: it takes half a second, which a command line that asks nothing need not wait for.
        from clickhouse_connect.driver.exceptions import ClickHouseError, DataError
        from urllib3.exceptions import HTTPError

        try:
            yield self._connected()
        except (DataError, OverflowError, struct.error) as problem:
            raise Malformed(f"ClickHouse cannot hold a value: {_shortened(problem)}") from problem
        except ClickHouseError as problem:
            unprepared = getattr(problem, "code", None) in _UNPREPARED
            mend = f". {_MEND}" if unprepared else ""
            raise (Unprepared if unprepared else Unavailable)(f"ClickHouse: {_shortened(problem)}{mend}") from problem
        except (HTTPError, OSError) as problem:
            raise Unavailable(f"ClickHouse: {_shortened(problem)}") from problem

    def rows(self, sql: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """Return the rows of a question, texts as bytes."""
        with self.client() as client:
            return client.query(sql, parameters, query_formats={"String": "bytes"}).result_rows

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client:
            client.close()

    def _connected(self) -> "Client":
        with self._lock:
            if self._client is None:
                self._client = _client(self._url, self._seconds)
            return self._client


def _client(url: str, seconds: int) -> "Client":
    import clickhouse_connect
    from clickhouse_connect.driver.httputil import get_pool_manager

    make: Callable[..., Client] = clickhouse_connect.get_client
    return make(
        dsn=url,
        connect_timeout=_CONNECT_SECONDS,
        send_receive_timeout=seconds + _ANSWER_SECONDS,
        query_retries=0,
        # Without a session one client serves many threads; `compress` costs more than a loopback saves.
        autogenerate_session_id=False,
        compress=False,
        pool_mgr=get_pool_manager(maxsize=8, retries=0),
        settings={"max_execution_time": seconds},
    )


def _shortened(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:300]
