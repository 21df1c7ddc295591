"""`python -m api`: the gateway as one process; ends cleanly on SIGTERM."""

import asyncio
import gc
import logging
import sys
from contextlib import suppress
from functools import partial

import uvloop

from api import server, ticker
from api.app import Gateway, read_api
from api.committer import Committer
from api.counters import Counters
from api.dependencies import Stores
from api.github_webhooks import GithubWebhooks, repositories_by_key
from api.ingest import Ingest, Limits
from api.lookups import Lookups
from api.metrics import StoreMetrics
from api.refusals import Refusals
from api.settling import Settling
from api.webhooks import Webhooks
from premortem import bootstrap
from premortem.exceptions import PremortemException, Unavailable
from premortem.settings import Settings


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    adapters = bootstrap.connect(settings)
    counters = Counters()
    crash = bootstrap.crash_points()
    appender = bootstrap.appender(settings)
    clock, rate = bootstrap.clock(settings), bootstrap.clock_rate(settings)
    settling = Settling(clock, rate)
    committer = Committer(appender, crash=crash, appended=settling.note)
    keys = Lookups(adapters.administration.key)
    integrations = Lookups(lambda _: adapters.administration.integrations())
    limits, salt, refusals = limits_of(settings), bootstrap.salt(settings), Refusals()
    ingest = Ingest(keys, committer, clock, counters, limits, salt, refusals)
    webhooks = Webhooks(integrations, committer, clock, counters, limits, salt)
    repositories = Lookups(repositories_by_key(adapters.administration))
    github = GithubWebhooks(
        integrations, repositories, adapters.incident_store, committer, clock, counters, limits, salt
    )
    metrics = StoreMetrics(adapters.event_log, adapters.checkpoint_store, adapters.task_queue, adapters.worker_book)
    stores = Stores(
        adapters.event_log,
        adapters.incident_store,
        adapters.evidence_store,
        adapters.administration,
        adapters.task_queue,
        counters,
        metrics,
        clock,
        committer.append,
        bootstrap.public_url(settings),
        salt,
        partial(bootstrap.held, adapters.checkpoint_store),
    )
    gateway = Gateway(ingest, webhooks, github, read_api(stores))
    beside = [
        asyncio.create_task(work)
        for work in (
            ticker.run(adapters.event_log, committer, clock, settings.tick_seconds * 1000, rate),
            settling.run(committer),
            ticker.retain(adapters.event_log, clock, settings.payload_retention_days),
            refusals.run(committer, clock, settings.tick_seconds / rate),
        )
    ]
    _collect_seldom()
    try:
        await server.serve(gateway, settings.http_host, settings.http_port)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        with suppress(Unavailable):
            await refusals.write(committer, clock.now())
        await committer.close()
        await appender.close()
        keys.close()
        integrations.close()
        repositories.close()
        metrics.close()
        adapters.close()


def limits_of(settings: Settings) -> Limits:
    """Return what the gateway takes at most."""
    return Limits(
        wire=settings.wire_limit_bytes,
        envelope=settings.envelope_limit_bytes,
        item=settings.item_limit_bytes,
        body_seconds=settings.body_deadline_seconds,
        large_in_flight=settings.large_bodies_bytes,
    )


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
