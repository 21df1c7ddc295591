"""Apply the product's migrations: `python -m premortem.migrate [postgres|clickhouse]...`, both when none is named."""

import argparse
import sys

from premortem.embedded import stack
from premortem.exceptions import PremortemException
from premortem.migrate import MIGRATIONS, migrate_clickhouse, migrate_postgres
from premortem.settings import Settings


def _say(step: str, detail: str) -> None:
    print(f"{step}: {detail}", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Migrate the databases of the settings; a failure is one line and exit 1."""
    parser = argparse.ArgumentParser(prog="premortem.migrate", description=__doc__)
    parser.add_argument("databases", nargs="*", choices=["postgres", "clickhouse"], default=["postgres", "clickhouse"])
    databases = parser.parse_args(arguments).databases
    settings = stack.resolve(Settings())
    try:
        if "postgres" in databases:
            migrate_postgres(settings.postgres_dsn, MIGRATIONS / "postgres", _say)
        if "clickhouse" in databases:
            migrate_clickhouse(settings.clickhouse_url, MIGRATIONS / "clickhouse", _say)
    except PremortemException as problem:
        sys.exit(f"premortem: {problem}")


if __name__ == "__main__":
    main()
