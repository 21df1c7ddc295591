"""The embedded profile as a whole: what it holds in memory at rest, and how soon an error is an incident.

Memory is PSS (shared pages divided among those that share them), by process, beside a Python that does nothing. The
time runs from the gateway's 200 for an unhandled new error to the incident on the read API, beside the acceptance.
"""

import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import httpx
import orjson

from premortem import bootstrap
from premortem.domain.ids import TenantId
from premortem.embedded import stack
from premortem.settings import Settings

_REST_SECONDS = 15
_TENANT = TenantId("bench")


def main(errors: int = 31) -> None:
    """Start the embedded stack in a temporary directory and measure."""
    with tempfile.TemporaryDirectory(prefix="premortem-bench-") as directory:
        settings = Settings(data_dir=Path(directory) / "data", http_port=0, postgres_port=0, clickhouse_port=0)
        try:
            begun = time.monotonic()
            stack.start(settings)
            print(f"started in {time.monotonic() - begun:.1f} s; at rest for {_REST_SECONDS} s ...", flush=True)
            time.sleep(_REST_SECONDS)
            _memory(settings)
            _latency(settings, errors)
        finally:
            stack.stop(settings)


def _memory(settings: Settings) -> None:
    names = {child.pid: child.name for child in stack.status(settings) if child.pid}
    held: Counter[str] = Counter()
    for pid, parent in _parents().items():
        name = names.get(pid) or names.get(parent)
        if name:
            held[name] += _pss(pid)
    owner = next(parent for pid, parent in _parents().items() if pid in names)
    held["supervisor"] = _pss(owner)
    print(f"PSS at rest: {sum(held.values()) / 1024:.0f} MB")
    for name, kilobytes in held.most_common():
        print(f"  {name:12} {kilobytes / 1024:7.1f} MB")
    idle = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"], stdout=subprocess.PIPE
    )
    assert idle.stdout is not None
    idle.stdout.readline()
    print(f"  baseline: a Python that does nothing {_pss(idle.pid) / 1024:7.1f} MB")
    idle.terminate()
    idle.communicate()


def _parents() -> dict[int, int]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    return found


def _pss(pid: int) -> int:
    """Return kilobytes; 0 for a process that has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _latency(settings: Settings, errors: int) -> None:
    key, token = secrets.token_hex(16), secrets.token_hex(16)
    with bootstrap.administration(settings) as administration:
        project = administration.create_project(_TENANT, "bench", "Bench", key).id
        administration.create_token(_TENANT, "bench", sha256(token.encode()).hexdigest())
    url = bootstrap.public_url(settings)
    accepting, appearing = [], []
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}) as client:
        for number in range(errors):
            begun = time.monotonic()
            client.post(
                f"/api/{project}/store/",
                content=orjson.dumps(_error(number)),
                headers={"x-sentry-auth": f"Sentry sentry_key={key}, sentry_version=7"},
            ).raise_for_status()
            accepted = time.monotonic()
            while not client.get("/incidents", params={"text": f"NewError{number}:"}).json()["incidents"]:
                time.sleep(0.002)
            accepting.append(accepted - begun)
            appearing.append(time.monotonic() - accepted)
            time.sleep(0.2)
    print(f"acceptance of one error (baseline): median {statistics.median(accepting) * 1000:.1f} ms")
    ninth = statistics.quantiles(appearing, n=10)[-1] * 1000
    middle = statistics.median(appearing) * 1000
    print(
        f"acceptance to incident on the read API: median {middle:.0f} ms, nine of ten under {ninth:.0f} ms, of {errors}"
    )


def _error(number: int) -> dict[str, object]:
    frame = {"module": "shop", "function": f"fail_{number}", "filename": "shop.py", "lineno": 1, "in_app": True}
    value = {
        "type": f"NewError{number}",
        "value": "never seen before",
        "mechanism": {"type": "generic", "handled": False},
        "stacktrace": {"frames": [frame]},
    }
    return {"event_id": secrets.token_hex(16), "platform": "python", "exception": {"values": [value]}}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
