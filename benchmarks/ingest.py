"""Ingest: durable 4 KB events accepted per second over HTTP, by 8 and by 64 connections, on this machine.

`--kafka` puts the log into Apache Kafka: the broker of the tests, on the same cores.

Beside it, in the same run, on the same log: a bare ASGI handler that only parses, groups and appends (the floor of
what the work itself costs), and one that makes an INSERT and a commit a request, in PostgreSQL. `--minutes` runs a
sustained load and prints how far archive and detection fall behind.
"""

import argparse
import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import uvloop

from benchmarks import events, load
from benchmarks.servers import running_broker
from premortem import bootstrap
from premortem.domain.ids import TenantId
from premortem.embedded import stack
from premortem.settings import Settings

_WATCH_SECONDS = 5.0


def main() -> None:
    """Start the embedded stack in a temporary directory and measure."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=0.0, help="sustained load of --rate events a second")
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--kafka", action="store_true", help="the log in Apache Kafka (needs Java and Maven)")
    options = parser.parse_args()
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="premortem-bench-")))
        settings = Settings(data_dir=directory / "data", http_port=0, postgres_port=0, clickhouse_port=0)
        if options.kafka:
            settings = settings.model_copy(update={"kafka_brokers": opened.enter_context(running_broker(directory))})
        opened.callback(stack.stop, settings)
        stack.start(settings)
        key = secrets.token_hex(16)
        with bootstrap.administration(settings) as administration:
            project = administration.create_project(TenantId("bench"), "bench", "Bench", key).id
        if options.minutes:
            _sustained(settings, project, key, options.minutes, options.rate)
        else:
            _compare(settings, project, key, options.seconds, options.rounds)


def _compare(settings: Settings, project: int, key: str, seconds: float, rounds: int) -> None:
    size = len(next(events.requests(project, key)))
    resolved = stack.resolve(settings)
    print(f"requests of {size} bytes; events per second, median of {rounds} rounds of {seconds:g} s")
    ports = {"premortem": resolved.http_port}
    children = {}
    for kind in ("bare", "one-insert"):
        ports[kind], children[kind] = _server(kind, settings, resolved.postgres_dsn)
    try:
        for connections in (8, 64):
            rates: dict[str, list[float]] = {name: [] for name in ports}
            tails: dict[str, float] = {}
            for _ in range(rounds):
                for name, port in ports.items():
                    done = uvloop.run(load.run(port, connections, events.requests(project, key), seconds))
                    rates[name].append(done.rate())
                    tails[name] = done.percentile(0.99) * 1000
            floor = statistics.median(rates["bare"])
            for name, found in rates.items():
                middle = statistics.median(found)
                line = f"{connections:3} connections  {name:10}  {middle:7.0f} /s  p99 {tails[name]:6.1f} ms"
                print(f"{line}  {middle / floor:5.2f} of bare", flush=True)
    finally:
        for child in children.values():
            child.terminate()
            child.wait()


def _server(kind: str, settings: Settings, dsn: str) -> tuple[int, subprocess.Popen[str]]:
    where = {
        "PREMORTEM_DATA_DIR": str(settings.data_dir),
        "PREMORTEM_POSTGRES_DSN": dsn,
        "PREMORTEM_KAFKA_BROKERS": settings.kafka_brokers,
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ingest_baselines", kind, dsn],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **where},
    )
    assert child.stdout is not None
    return int(child.stdout.readline()), child


def _sustained(settings: Settings, project: int, key: str, minutes: float, rate: float) -> None:
    """Send `rate` events a second for so long; print the accepted rate and the worst lag, in seconds of load."""
    port = stack.resolve(settings).http_port
    worst: dict[str, int] = {}

    async def watch() -> None:
        begun = time.monotonic()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            lags = await asyncio.to_thread(bootstrap.lags, settings)
            for flow, lag in lags.items():
                worst[flow] = max(worst.get(flow, 0), lag)
            print(f"  {time.monotonic() - begun:4.0f} s: records behind {lags}", flush=True)

    async def run() -> load.Load:
        watching = asyncio.create_task(watch())
        done = await load.run(port, 32, events.requests(project, key), minutes * 60, rate)
        watching.cancel()
        return done

    done = uvloop.run(run())
    print(
        f"sustained {done.rate():.0f} /s of {rate:g} over {minutes:g} min, p99 {done.percentile(0.99) * 1000:.0f} ms, "
        f"answers {done.statuses}; worst lag in seconds of load:"
    )
    for flow in ("archive", "detect"):
        print(f"  {flow:8} {worst.get(flow, 0) / rate:5.2f} s")


if __name__ == "__main__":
    main()
