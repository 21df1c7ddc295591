"""The ClickHouse engine in this process: opened once on a directory, one cheap connection for each statement."""

import importlib
import threading
from pathlib import Path
from typing import Any

from premortem.exceptions import Conflict

# Sized for a machine that also runs everything else; what outgrows the memory of one query spills to disk or fails.
_SERVER = {
    "max_server_memory_usage": 2 << 30,
    "mark_cache_size": 64 << 20,
    "index_mark_cache_size": 16 << 20,
    "query_cache.max_size_in_bytes": 0,
}
_QUERY = {
    "max_memory_usage": 1 << 30,
    "max_bytes_before_external_group_by": 256 << 20,
    "max_bytes_before_external_sort": 256 << 20,
}


class Engine:
    """chDB on one directory. A second engine on it, in any process, is a Conflict."""

    def __init__(self, path: Path) -> None:
        # Imported here: it loads 550 MB of engine, which nobody needs who only imports this module.
        chdb: Any = importlib.import_module("chdb._chdb")
        self._open = chdb.connect
        if "?" in str(path):
            raise Conflict(f"ClickHouse cannot open {path}: its options begin at a question mark. Choose another path.")
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._address = f"{path.absolute()}?" + "&".join(f"{name}={value}" for name, value in _SERVER.items())
        try:
            self._anchor = self._open(self._address)
        except RuntimeError as problem:
            raise Conflict(f"ClickHouse cannot open {path}: {problem}. Does another process use it?") from problem
        self._lock = threading.Lock()
        self.version: str = self._ask("SELECT version()")

    def connect(self, settings: dict[str, str]) -> Any:
        """Return a new connection with the settings (0.5 ms); whoever asked closes it."""
        connection = self._open(self._address)
        try:
            everything = {**_QUERY, **settings}
            clause = ", ".join(f"{name} = {literal(str(value))}" for name, value in everything.items())
            connection.query(f"SET {clause}", "Null")
        except BaseException:
            connection.close()
            raise
        return connection

    def end(self, statement_id: str) -> None:
        """Ask the engine to end a statement; it does so at the next block that it finishes."""
        self._ask(f"KILL QUERY WHERE Settings['log_comment'] = {literal(statement_id)} ASYNC")

    def close(self) -> None:
        """End what runs, and close the engine."""
        self._ask("KILL QUERY WHERE query NOT LIKE 'KILL QUERY%' ASYNC")
        with self._lock:
            self._anchor.close()

    def _ask(self, sql: str) -> str:
        with self._lock:
            return str(self._anchor.query(sql, "TabSeparated").bytes().decode()).strip()


def literal(text: str) -> str:
    """Return the text as an SQL string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
