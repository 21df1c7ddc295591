"""Migration files: `NNNN_name.sql` in dbmate's format, read and checked."""

import hashlib
import re
from pathlib import Path

from msgspec import Struct

from premortem.exceptions import Conflict, Malformed

MIGRATIONS = Path(__file__).parents[2] / "migrations"
"""The product's own: `postgres` and `clickhouse` in it."""

_NAME = re.compile(r"(\d{4,})_[a-z0-9_]+\.sql")
_SECTION = re.compile(r"^--\s*migrate:(up|down)\b[ \t]*([^\n]*)$", re.MULTILINE)


class Migration(Struct, frozen=True):
    """One file: `up` is the SQL to run, `checksum` the SHA-256 (hex) of the file's bytes."""

    version: str
    name: str
    up: str
    transaction: bool
    checksum: str


def read_migrations(directory: Path) -> list[Migration]:
    """Return all migrations in order of version. Raises Malformed for a file that is none, Conflict for a double."""
    migrations: dict[str, Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        migration = _read(path)
        if other := migrations.get(migration.version):
            raise Conflict(f"{other.name} and {migration.name} have the same version. Give the newer one a new number.")
        migrations[migration.version] = migration
    return sorted(migrations.values(), key=lambda migration: int(migration.version))


def pending(migrations: list[Migration], applied: dict[str, str | None]) -> list[Migration]:
    """Return what is still to be applied, given the checksum (None = unknown) of each applied version.

    Raises Conflict when an applied file was edited, or when the database is ahead of the files.
    """
    for migration in migrations:
        if applied.get(migration.version) not in (None, migration.checksum):
            raise Conflict(
                f"{migration.name} was edited after it was applied. Restore it, and put the change into a new file."
            )
    if unknown := sorted(applied.keys() - {migration.version for migration in migrations}):
        raise Conflict(
            f"The database has migrations that are not here ({', '.join(unknown)}): a newer Premortem wrote it. "
            "Run that version or a later one."
        )
    return [migration for migration in migrations if migration.version not in applied]


def _read(path: Path) -> Migration:
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise Malformed(f"{path.name} is no name of a migration. Call it NNNN_what_it_does.sql.")
    content = path.read_bytes()
    text = content.decode()
    sections = list(_SECTION.finditer(text))
    if [section.group(1) for section in sections] not in (["up"], ["up", "down"]):
        raise Malformed(f"{path.name} needs one line `-- migrate:up` (and at most one `-- migrate:down` after it).")
    options = sections[0].group(2).split()
    if unknown := set(options) - {"transaction:true", "transaction:false"}:
        raise Malformed(f"{path.name}: unknown option {sorted(unknown)[0]}. Known is transaction:false.")
    end = sections[1].start() if len(sections) > 1 else len(text)
    return Migration(
        version=name.group(1),
        name=path.name,
        up=text[sections[0].end() : end].strip(),
        transaction="transaction:false" not in options,
        checksum=hashlib.sha256(content).hexdigest(),
    )
