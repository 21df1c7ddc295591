"""Lending what a rebuild of the incidents needs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from premortem.adapters.incident_store.shadow_postgres import lend_shadow
from premortem.adapters.postgres import open_pool
from premortem.bootstrap.connecting import require_running
from premortem.embedded import stack
from premortem.ports import ShadowStore
from premortem.settings import Settings

_CONNECTIONS = 4
_STATEMENT_MS = 3_600_000
"""Large tables are compared by one statement."""


@contextmanager
def shadow_store(settings: Settings, *, keep: bool = False) -> Iterator[ShadowStore]:
    """Lend an empty shadow of the incidents; it is dropped afterwards unless it is to be kept.

    Raises Unavailable at once when the stack is down, Conflict while another rebuild is under way.
    """
    require_running(settings, settings.postgres_dsn)
    dsn = stack.resolve(settings).postgres_dsn
    with (
        closing(open_pool(dsn, size=_CONNECTIONS, statement_timeout_ms=_STATEMENT_MS)) as pool,
        lend_shadow(pool, keep=keep) as shadow,
    ):
        yield shadow
