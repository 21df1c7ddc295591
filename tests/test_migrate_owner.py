"""A PostgreSQL of one's own whose owner is no superuser: what it needs, what is said when it lacks something."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg
import pytest

from premortem.adapters.incident_store.postgres import PostgresIncidentStore
from premortem.adapters.incident_store.shadow_postgres import lend_shadow
from premortem.adapters.postgres import open_pool
from premortem.cli.diagnosis import examine
from premortem.domain.ids import TenantId
from premortem.embedded.postgres import PostgresServer
from premortem.exceptions import Conflict, Unprepared
from premortem.migrate import MIGRATIONS, migrate_postgres
from premortem.migrate.rights import become_reader, server_version, wanting
from premortem.ports import IncidentFilter, Saved
from premortem.settings import Settings
from tests.builders import incident

FILES = MIGRATIONS / "postgres"
ACME = TenantId("acme")
_numbers = count()


class Owned:
    """A server without our role, and on it a database of an owner who is no superuser."""

    def __init__(self, server: PostgresServer, rights: str = "") -> None:
        self._server, self.owner = server, f"owner{next(_numbers)}"
        self.superuser(f"CREATE ROLE {self.owner} LOGIN {rights}", database="premortem")
        self.superuser(f"CREATE DATABASE {self.owner} OWNER {self.owner}", database="premortem")
        self.dsn = server.dsn(self.owner).replace("user=premortem", f"user={self.owner}")

    def superuser(self, *commands: str, database: str = "") -> None:
        with psycopg.connect(self._server.dsn(database or self.owner), autocommit=True) as connection:
            for command in commands:
                connection.execute(command.encode())

    def lacks(self) -> list[str]:
        with psycopg.connect(self.dsn) as connection:
            return wanting(connection)

    def mended(self, lack: str) -> None:
        """Do what a sentence says that a superuser has to."""
        self.superuser(lack.partition(": ")[2])

    def reads_what_it_writes(self) -> bool:
        with closing(open_pool(self.dsn, size=1)) as pool:
            store = PostgresIncidentStore(pool)
            theirs = incident("theirs", tenant_id=TenantId("other"))
            store.save([Saved(incident("mine"), 0, 1), Saved(theirs, 0, 2)], [])
            page = store.find(ACME, IncidentFilter(), None, 10)
            return store.get(ACME, theirs.id) is None and page.incidents == (incident("mine"),)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("owned"), durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def roleless(server: PostgresServer) -> Iterator[PostgresServer]:
    """The server without our role, which all of its databases would share."""
    yield server
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'owner%'").fetchall():
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        connection.execute("DROP ROLE IF EXISTS premortem_app")


def test_an_owner_who_may_make_roles_migrates_and_reads(roleless: PostgresServer) -> None:
    owned = Owned(roleless, "CREATEROLE")
    owned.superuser("CREATE EXTENSION vector")
    migrate_postgres(owned.dsn, FILES)
    assert owned.reads_what_it_writes()
    assert owned.lacks() == []


def test_an_owner_who_is_no_superuser_makes_lost_tables_of_incidents_anew(roleless: PostgresServer) -> None:
    owned = Owned(roleless, "CREATEROLE")
    owned.superuser("CREATE EXTENSION vector")
    migrate_postgres(owned.dsn, FILES)
    owned.superuser("DROP TABLE incidents, incident_fingerprints, timeline_events, pull_requests, incident_generation")
    with closing(open_pool(owned.dsn, size=4)) as pool:
        owned.superuser(f"REVOKE CREATE ON DATABASE {owned.owner} FROM {owned.owner}")
        with pytest.raises(Unprepared) as refused, lend_shadow(pool):
            pass
        owned.mended(str(refused.value).partition(". ")[2])
        with lend_shadow(pool) as shadow:
            shadow.add([Saved(incident("mine"), 0, 0)], {})
            assert shadow.swap(lambda: None) == 1
    assert owned.reads_what_it_writes()


def test_an_owner_without_any_right_is_told_each_command_and_then_migrates_and_reads(roleless: PostgresServer) -> None:
    owned = Owned(roleless)
    owned.superuser("ALTER SCHEMA public OWNER TO premortem", "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    told = []
    while lacks := owned.lacks():
        with pytest.raises(Conflict) as refused:
            migrate_postgres(owned.dsn, FILES)
        assert lacks[0] in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1
        owned.mended(lacks[0])
        told.append(lacks[0].partition(": ")[2].partition(f" {owned.owner}")[0])
    assert told == [
        "CREATE EXTENSION vector;",
        "CREATE ROLE premortem_app NOLOGIN NOBYPASSRLS; GRANT premortem_app TO",
        "GRANT ALL ON SCHEMA public TO",
        "GRANT USAGE ON SCHEMA public TO premortem_app;",
    ]
    migrate_postgres(owned.dsn, FILES)
    assert owned.reads_what_it_writes()


def test_a_schema_that_is_closed_to_everybody_is_opened_to_reads(roleless: PostgresServer) -> None:
    owned = Owned(roleless, "CREATEROLE")
    owned.superuser("CREATE EXTENSION vector", "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    migrate_postgres(owned.dsn, FILES)
    assert owned.reads_what_it_writes()


def test_a_second_owner_on_the_same_server_needs_the_first_ones_role(roleless: PostgresServer) -> None:
    first, second = Owned(roleless, "CREATEROLE"), Owned(roleless, "CREATEROLE")
    for owned in (first, second):
        owned.superuser("CREATE EXTENSION vector")
    migrate_postgres(first.dsn, FILES)
    grant = f"GRANT premortem_app TO {second.owner} WITH INHERIT FALSE, SET TRUE;"
    with pytest.raises(Conflict, match=r"permission denied to grant role .* A superuser has to run: " + grant):
        migrate_postgres(second.dsn, FILES)
    second.mended(second.lacks()[0])
    migrate_postgres(second.dsn, FILES)
    assert second.reads_what_it_writes()


def test_an_installation_that_could_not_read_is_mended_by_migrating(roleless: PostgresServer, tmp_path: Path) -> None:
    owned = Owned(roleless, "CREATEROLE")
    owned.superuser("CREATE EXTENSION vector")
    for file in FILES.glob("*.sql"):  # all that today's code writes to, without what lets it read
        if not file.name.startswith("0008"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    migrate_postgres(owned.dsn, tmp_path)
    with pytest.raises(Unprepared, match=r"permission denied to set role .* Run: premortem migrate"):
        owned.reads_what_it_writes()
    migrate_postgres(owned.dsn, FILES)
    assert owned.reads_what_it_writes()


def test_an_owner_who_lost_the_role_is_told_how_to_get_it_back(roleless: PostgresServer, tmp_path: Path) -> None:
    owned = Owned(roleless)
    owned.superuser("CREATE EXTENSION vector", "CREATE ROLE premortem_app", f"GRANT premortem_app TO {owned.owner}")
    migrate_postgres(owned.dsn, FILES)
    with psycopg.connect(owned.dsn) as connection:
        become_reader(connection)
        assert connection.execute("SELECT current_user").fetchone() == ("premortem_app",)
    owned.superuser(f"REVOKE premortem_app FROM {owned.owner}")
    settings = Settings(postgres_dsn=owned.dsn, data_dir=tmp_path, http_port=1)
    postgres = {finding.name: finding for finding in examine(settings)}["postgres"]
    assert not postgres.healthy
    owned.mended(postgres.detail)
    assert owned.reads_what_it_writes()


def test_a_server_that_is_too_old_is_named_with_what_is_needed(server: PostgresServer) -> None:
    with psycopg.connect(server.dsn()) as connection:
        assert server_version(connection).startswith("PostgreSQL 18.")
        with pytest.raises(
            Conflict, match=r"PostgreSQL 18\.\S+ is too old: Premortem needs 99 or newer\. Upgrade it\."
        ):
            server_version(connection, least=99)
