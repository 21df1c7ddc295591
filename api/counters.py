"""What the gateway counts, for Prometheus and for the conservation sums: nothing is dropped in silence."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

STAGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Counters:
    """The gateway's counters in a registry of their own.

    Conservation: `items` received = accepted + skipped + invalid + rate_limited + too_large (the `outcome` label).
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "premortem_requests", "Requests by endpoint and status", ["endpoint", "status"], registry=self.registry
        )
        self.items = Counter(
            "premortem_items", "Envelope items by type and outcome", ["type", "outcome"], registry=self.registry
        )
        self.dropped = Counter(
            "premortem_dropped", "Events that were not taken, by reason", ["reason"], registry=self.registry
        )
        self.scrubbed = Counter("premortem_scrubbed", "Places a secret was taken out of", registry=self.registry)
        self.stages = Histogram(
            "premortem_stage_seconds",
            "Seconds spent in a stage of taking a request in",
            ["stage"],
            buckets=STAGES,
            registry=self.registry,
        )
        # Looking a child up by its labels costs more than counting; all labels are words of this code, so they are few.
        self.request = cache(self.requests.labels)
        self.item = cache(self.items.labels)
        self.drop = cache(self.dropped.labels)
        self.stage = cache(self.stages.labels)
