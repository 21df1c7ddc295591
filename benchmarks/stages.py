"""What one event costs on its way in, stage by stage, in microseconds: median over many events, on one core.

Two sets: events of 4 KB as the Python SDK sends them, and, when it lies beside this folder, Sentry's own set of inputs
from every platform. Baselines of the same run: `orjson.loads` for reading, the scrubber of the Python SDK for scrubbing
(it looks at the names of keys alone), and a walk over every value that does nothing.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
from sentry_sdk.scrubber import EventScrubber

from benchmarks import events
from premortem.domain import payload
from premortem.domain.fingerprint import group
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.sentry import json_body
from premortem.sentry.event_payload import normalise
from premortem.sentry.scrub import scrub

_NOW = 1_795_360_907_000
_INPUTS = Path(__file__).parents[1].parent / "shared" / "sentry" / "grouping" / "inputs"


def main() -> None:
    """Print a table a set."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    sets = {"4 KB events": [orjson.dumps(events.event(kind, f"{kind:032x}")) for kind in range(400)]}
    if _INPUTS.is_dir():
        sets["Sentry's inputs"] = [path.read_bytes() for path in sorted(_INPUTS.glob("*.json"))]
    for name, bodies in sets.items():
        size = sum(map(len, bodies)) / len(bodies)
        print(f"{name}: {len(bodies)} of {size:,.0f} bytes; median (and 95th percentile) of {rounds} rounds, in us")
        for stage, spent in _measure(bodies, rounds).items():
            tail = statistics.quantiles(spent, n=20)[-1]
            print(f"  {stage:34} {statistics.median(spent):7.1f}  ({tail:.1f})")


def _measure(bodies: list[bytes], rounds: int) -> dict[str, list[float]]:
    stages: dict[str, list[float]] = {}
    sdk = EventScrubber(recursive=True)

    def timed(stage: str, work: Callable[..., Any], *arguments: Any) -> Any:
        start = time.perf_counter()
        result = work(*arguments)
        stages.setdefault(stage, []).append((time.perf_counter() - start) * 1e6)
        return result

    for _ in range(rounds):
        for body in bodies:
            timed("baseline: orjson.loads", orjson.loads, body)
            value = timed("read", json_body.loads, body)
            timed("baseline: a walk over all values", _walk, value)
            timed("baseline: the SDK's scrubber", sdk.scrub_event, orjson.loads(body))
            scrubbed, _ = timed("scrub", scrub, value)
            normalised, event = timed(
                "normalise", lambda v: normalise(v, event_id="0" * 32, received_at=_NOW), scrubbed
            )
            timed("group", group, event)
            text = timed("write", orjson.dumps, normalised)
            timed("pack the body", payload.encode, _body(text))
    return stages


def _body(text: bytes) -> payload.EventBody:
    return payload.EventBody(
        tenant_id=TenantId("bench"),
        project_id=ProjectId(1),
        event_id=EventId("0" * 32),
        fingerprint=Fingerprint("0" * 32),
        occurred_at=_NOW,
        received_at=_NOW,
        level="error",
        platform="python",
        release="shop@1.0.0",
        environment="production",
        user_hash="",
        title="KeyError",
        tags=(),
        payload=msgspec.Raw(text),
    )


def _walk(value: Any) -> int:
    stack, seen = [value], 0
    while stack:
        node = stack.pop()
        seen += 1
        if type(node) is dict:
            stack.extend(node.values())
        elif type(node) is list:
            stack.extend(node)
    return seen


if __name__ == "__main__":
    main()
