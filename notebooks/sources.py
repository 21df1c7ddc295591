"""Counts per minute as a lazy frame: from ClickHouse, block by block, or from Parquet files."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import clickhouse_connect
import polars as pl
from clickhouse_connect.driver.client import Client
from polars.io.plugins import register_io_source

from replay.labels import Error
from replay.tuning import Minute

COUNTS = pl.Schema(
    {
        "tenant": pl.String(),
        "project": pl.Int64(),
        "fingerprint": pl.String(),
        "minute": pl.Datetime("ms", "UTC"),
        "count": pl.Int64(),
    }
)
"""A row for each minute of each error that had events; `minute` is its beginning."""
_AS_SENT = {**COUNTS, "minute": pl.Int64(), "count": pl.UInt64()}
_QUERY_SECONDS = 300


def from_parquet(path: Path | str, fingerprints: Sequence[str] = ()) -> pl.LazyFrame:
    """Return the counts in a Parquet file, or in all that a pattern names; `minute` may also be ms since 1970 UTC.

    `fingerprints`: whose counts are wanted; none = all. Of a file in their order only their parts are read.
    """
    counts = pl.scan_parquet(path).select(pl.col(name).cast(dtype) for name, dtype in COUNTS.items())
    return counts.filter(pl.col("fingerprint").is_in(list(fingerprints))) if fingerprints else counts


def from_clickhouse(url: str, tenant: str, start: int = 0, fingerprints: Sequence[str] = ()) -> pl.LazyFrame:
    """Return the tenant's counts since `start` (ms since 1970 UTC), of these fingerprints or of all, of the archive.

    Nothing is asked before the frame is collected or written; then rows come in blocks, and only the columns and rows
    that the plan wants are kept of them.
    """
    asked = {"tenant": tenant, "start": start, "fingerprints": list(fingerprints)}
    return register_io_source(partial(_blocks, url, asked), schema=COUNTS)


def _blocks(
    url: str,
    asked: dict[str, Any],
    columns: list[str] | None,
    predicate: pl.Expr | None,
    rows: int | None,
    _batch: int | None,
) -> Iterator[pl.DataFrame]:
    with closing(_client(url)) as client, client.query_column_block_stream(_statement(), asked) as blocks:
        for block in blocks:
            frame = pl.DataFrame(dict(zip(COUNTS, block, strict=True)), _AS_SENT).cast(COUNTS)
            if predicate is not None:
                frame = frame.filter(predicate)
            if rows is not None:
                frame = frame.head(rows)
                rows -= frame.height
            yield frame.select(columns) if columns is not None else frame
            if rows == 0:
                return


def _client(url: str) -> Client:
    settings = {"max_execution_time": _QUERY_SECONDS}
    return clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False, settings=settings)


def _statement() -> str:
    return Path(__file__).with_name("minute_counts.sql").read_text()


def errors(counts: pl.LazyFrame) -> pl.DataFrame:
    """Return every error with its events, minutes and times, the busiest first."""
    per_error = counts.group_by("tenant", "project", "fingerprint").agg(
        pl.col("count").sum().alias("events"),
        pl.len().alias("minutes"),
        pl.col("minute").min().alias("first"),
        pl.col("minute").max().alias("last"),
    )
    return per_error.sort("events", "project", "fingerprint", descending=[True, False, False]).collect()


def series(counts: pl.LazyFrame, wanted: list[Error]) -> dict[Error, list[Minute]]:
    """Return the minutes of these errors, oldest first, as the detector's scan takes them."""
    keys = pl.LazyFrame(wanted, {name: COUNTS[name] for name in Error._fields}, orient="row")
    found = counts.join(keys, on=list(Error._fields), how="semi").sort("minute").collect(engine="streaming")
    minutes: dict[Error, list[Minute]] = {error: [] for error in wanted}
    for *error, minute, count in found.with_columns(pl.col("minute").dt.epoch("ms")).select(COUNTS.names()).iter_rows():
        minutes[Error(*error)].append((minute, count))
    return {error: found for error, found in minutes.items() if found}
