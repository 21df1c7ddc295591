"""A broker that is gone for 30 seconds under 500 events a second: what was acknowledged, how soon all is well again.

`python -m benchmarks.outage [--rate 500] [--seconds 30]`: the whole product on this machine, its log in the broker of
the tests, which is killed as a crash would. The judge is the list of what the client saw acknowledged, beside the log.
An event that is answered with an error is not sent again, as SDKs do; one that finds no free connection waits.
"""

import argparse
import secrets
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import orjson
import uvloop

from benchmarks import events, load, servers
from premortem import bootstrap
from premortem.domain import project_stream
from premortem.domain.ids import TenantId
from premortem.domain.project_stream import ErrorSeen
from premortem.embedded import stack
from premortem.settings import Settings
from tests.kafka_fixture import KafkaBroker

_CONNECTIONS = 64
_BEFORE_SECONDS = 15.0
_AFTER_SECONDS = 25.0
_LOOK_SECONDS = 0.1


def main() -> None:
    """Run the outage and print what came of it; fails when an acknowledged event is not on the log."""
    parser = argparse.ArgumentParser(prog="benchmarks.outage")
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="premortem-bench-")))
        broker = servers.broker(directory)
        opened.callback(broker.kill)
        broker.start()
        settings = Settings(
            data_dir=directory / "data", http_port=0, postgres_port=0, clickhouse_port=0, kafka_brokers=broker.address
        )
        opened.callback(stack.stop, settings)
        stack.start(settings)
        key = secrets.token_hex(16)
        with bootstrap.administration(settings) as administration:
            project = administration.create_project(TenantId("bench"), "bench", "Bench", key).id
        _outage(settings, broker, project, key, options.rate, options.seconds)


def _outage(settings: Settings, broker: KafkaBroker, project: int, key: str, rate: float, seconds: float) -> None:
    answers: list[tuple[float, int, bytes]] = []
    whole = _BEFORE_SECONDS + seconds + _AFTER_SECONDS

    def send() -> None:
        port = stack.resolve(settings).http_port
        uvloop.run(load.run(port, _CONNECTIONS, events.requests(project, key), whole, rate, answers))

    client = threading.Thread(target=send)
    client.start()
    time.sleep(_BEFORE_SECONDS)
    print(f"{rate:g} events a second; the broker is killed and gone for {seconds:g} s", flush=True)
    killed = time.perf_counter()
    broker.kill()
    time.sleep(seconds)
    broker.start()
    back = time.perf_counter()
    client.join()
    stopped = time.perf_counter()
    while any(bootstrap.lags(settings).values()):
        time.sleep(_LOOK_SECONDS)
    drained = time.perf_counter()

    during = Counter(status for at, status, _ in answers if killed <= at < back)
    print(f"answers while it was gone ({back - killed:.1f} s, its start included): {dict(during)}")
    print(f"answers in all: {dict(Counter(status for _, status, _ in answers))}")
    first = min(at for at, status, _ in answers if at >= back and status == 200)
    print(f"the first event is acknowledged {first - back:.2f} s after the broker answers again")
    print(f"every event that was due is answered {_caught_up(answers, back, rate) - back:.2f} s after")
    print(f"all dataflows have read everything {drained - stopped:.2f} s after the last event")
    acknowledged = {orjson.loads(body)["id"] for _, status, body in answers if status == 200}
    found = _on_the_log(settings)
    lost = acknowledged - found.keys()
    print(
        f"{len(acknowledged):,} acknowledged: {len(lost)} lost, "
        f"{sum(found[each] > 1 for each in acknowledged & found.keys())} twice on the log; "
        f"{len(found.keys() - acknowledged):,} on the log without an acknowledgement"
    )
    if lost:
        raise SystemExit("acknowledged events are lost")


def _caught_up(answers: list[tuple[float, int, bytes]], back: float, rate: float) -> float:
    """Return when the client has had as many answers as were due by then; the last answer's time when it never has."""
    begun = answers[0][0]
    for number, (at, _, _) in enumerate(answers, 1):
        if at >= back and number >= (at - begun) * rate - _CONNECTIONS:
            return at
    return answers[-1][0]


def _on_the_log(settings: Settings) -> Counter[str]:
    """Return how often each event is on the project stream."""
    found: Counter[str] = Counter()
    with bootstrap.event_log(settings) as log:
        for partition, head in enumerate(log.heads("sentry.events")):
            offset = 0
            while offset < head:
                records = log.read("sentry.events", partition, offset, 1000)
                offset += len(records)
                decoded = (project_stream.decode(record.value) for record in records)
                found.update(record.event_id for record in decoded if isinstance(record, ErrorSeen))
    return found


if __name__ == "__main__":
    main()
