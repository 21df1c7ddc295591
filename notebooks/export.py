"""Export: a running stack's counts to Parquet and its timeline to JSON lines, for the notebook on another machine.

`python -m notebooks.export DIRECTORY [--tenant default] [--since 2026-11-01]`
"""

import argparse
from pathlib import Path

from notebooks.sources import from_clickhouse
from premortem import bootstrap
from premortem.cli.moments import parse_moment
from premortem.domain.timeline import encode
from premortem.embedded import stack
from premortem.ports import LogReader
from premortem.settings import Settings
from replay.labels import timeline


def main() -> None:
    """Write `counts.parquet` and `timeline.jsonl` into the directory."""
    parser = argparse.ArgumentParser(description="Counts and timeline of the running stack, into a directory.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--since", type=parse_moment, default=0, help="like 2026-11-01, UTC; everything when left out")
    asked = parser.parse_args()
    settings = Settings()
    with bootstrap.log_reader(settings) as log:
        url = stack.resolve(settings).clickhouse_url
        for path in export(url, log, asked.directory, asked.tenant, asked.since):
            print(path)


def export(url: str, log: LogReader, directory: Path, tenant: str, since: int = 0) -> tuple[Path, Path]:
    """Write both files and return where they are; the counts go from the server to the file block by block."""
    directory.mkdir(parents=True, exist_ok=True)
    counts, facts = directory / "counts.parquet", directory / "timeline.jsonl"
    from_clickhouse(url, tenant, since).sink_parquet(counts)
    with facts.open("wb") as lines:
        lines.writelines(encode(fact) + b"\n" for fact in timeline(log, tenant))
    return counts, facts


if __name__ == "__main__":
    main()
