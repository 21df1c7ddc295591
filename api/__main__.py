"""`python -m api`: the gateway as one process; ends cleanly on SIGTERM."""

import asyncio
import gc
import logging
import sys

import uvloop

from api import server, ticker
from api.app import Gateway, read_api
from api.committer import Committer
from api.counters import Counters
from api.dependencies import Stores
from api.ingest import Ingest, Limits
from api.lookups import Lookups
from api.metrics import StoreMetrics
from api.webhooks import Webhooks
from premortem import bootstrap
from premortem.exceptions import PremortemException
from premortem.settings import Settings


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    adapters = bootstrap.connect(settings)
    counters = Counters()
    crash = bootstrap.crash_points()
    appender = bootstrap.appender(settings)
    committer = Committer(appender, crash=crash)
    keys = Lookups(adapters.administration.key)
    integrations = Lookups(lambda _: adapters.administration.integrations())
    clock = bootstrap.clock(settings)
    limits = Limits(
        settings.wire_limit_bytes,
        settings.envelope_limit_bytes,
        settings.item_limit_bytes,
        settings.body_deadline_seconds,
    )
    salt = bootstrap.salt(settings)
    ingest = Ingest(keys, committer, clock, counters, limits, salt)
    webhooks = Webhooks(integrations, committer, clock, counters, limits, salt)
    metrics = StoreMetrics(adapters.event_log, adapters.checkpoint_store, adapters.task_queue)
    stores = Stores(
        adapters.event_log,
        adapters.incident_store,
        adapters.evidence_store,
        adapters.administration,
        counters,
        metrics,
        clock,
        committer.append,
        bootstrap.public_url(settings),
        salt,
    )
    gateway = Gateway(ingest, webhooks, read_api(stores))
    ticking = asyncio.create_task(
        ticker.run(adapters.event_log, committer, clock, settings.tick_seconds * 1000, bootstrap.clock_rate(settings))
    )
    retaining = asyncio.create_task(ticker.retain(adapters.event_log, clock, settings.payload_retention_days))
    _collect_seldom()
    try:
        await server.serve(gateway, settings.http_host, settings.http_port)
    finally:
        for task in (ticking, retaining):
            task.cancel()
        await asyncio.gather(ticking, retaining, return_exceptions=True)
        await committer.close()
        await appender.close()
        keys.close()
        integrations.close()
        metrics.close()
        adapters.close()


def _collect_seldom() -> None:
    """Let the cyclic collector pass over what lives for ever, and look less often: an event is a few hundred objects,
    none of which is part of a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 50)


def main() -> None:
    """Run the gateway; a PremortemException is one line on stderr and exit code 1."""
    settings = Settings()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        uvloop.run(serve(settings))
    except PremortemException as exception:
        sys.exit(f"premortem api: {exception}")


if __name__ == "__main__":
    main()
