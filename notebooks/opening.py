"""Opening: where the notebook's counts and labels come from, by its arguments: a stack, files, or sample data."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from notebooks.sample import write_sample
from notebooks.sources import from_clickhouse, from_parquet
from premortem import bootstrap
from premortem.cli.moments import parse_moment
from premortem.embedded import stack
from premortem.exceptions import Malformed
from premortem.settings import Settings
from replay.labels import Label, facts, labels, timeline

STACK = "stack"
_NAMES = ("clickhouse", "parquet", "sample", "since", "tenant", "timeline")
_SAMPLE = Path(__file__).parents[1] / ".premortem" / "notebook"


class Source(NamedTuple):
    """Counts, lazily, of the fingerprints named or of all; the labels; and what to tell the reader of them."""

    counts: Callable[[Sequence[str]], pl.LazyFrame]
    labels: Sequence[Label]
    name: str
    is_sample: bool = False


def open_source(arguments: Mapping[str, object]) -> Source:
    """Return the source that the arguments name; without any, sample data that is written first.

    - `clickhouse`: `stack` = the running stack, whose timeline gives the labels; or the URL of an archive.
    - `parquet`: counts in a file, or a pattern of files. `timeline`: facts as JSON, one a line, for the labels.
    - `tenant` (default `default`) and `since` (a time in UTC): what is read of an archive.
    - `sample`: the directory for the sample data.
    Raises Malformed for other arguments and for two sources.
    """
    asked = {name: str(value) for name, value in arguments.items() if name}  # a bare `--` comes as an empty name
    unknown = sorted({*asked} - {*_NAMES})
    if unknown:
        raise Malformed(f"there is no --{unknown[0]}. There are: {', '.join(f'--{name}' for name in _NAMES)}.")
    if "clickhouse" in asked and "parquet" in asked:
        raise Malformed("two sources are named. Name --clickhouse or --parquet.")
    known = _labels_in(Path(asked["timeline"])) if "timeline" in asked else []
    if "parquet" in asked:
        return Source(partial(from_parquet, asked["parquet"]), known, asked["parquet"])
    if "clickhouse" in asked:
        return _archive(asked, known)
    counts, told = write_sample(Path(asked.get("sample", _SAMPLE)))
    return Source(partial(from_parquet, counts), _labels_in(told), "SAMPLE DATA, made up", is_sample=True)


def _archive(asked: Mapping[str, str], known: Sequence[Label]) -> Source:
    tenant, start = asked.get("tenant", "default"), parse_moment(asked["since"]) if "since" in asked else 0
    url, name = asked["clickhouse"], "the archive"
    if url == STACK:
        settings = Settings()
        url, name = stack.resolve(settings).clickhouse_url, "the running stack"
        if "timeline" not in asked:
            with bootstrap.log_reader(settings) as log:
                known = labels(timeline(log, tenant))

    def counts(fingerprints: Sequence[str] = ()) -> pl.LazyFrame:
        return from_clickhouse(url, tenant, start, fingerprints)

    return Source(counts, known, f"{name}, tenant {tenant}")


def _labels_in(path: Path) -> list[Label]:
    with path.open("rb") as lines:
        return labels(facts(lines))
