"""`python -m benchmarks.storms [seeds] [first]`: incidents per cause, their purity, and the minutes that waiting adds.

The stream: one project with 80 old errors that come now and then, and an unrelated fault an hour: half are new errors,
half bursts of old ones; types, modules and traces at random, generic types and busy modules more often, half of the
errors unhandled. Every six hours a true cause:

- a deploy with 5, 50 or 200 new errors: a new release, several types and modules, onsets exponential with a mean of
  four minutes, a third in a shared trace, and a fifth as many old errors (at most 20) that burst;
- a dead database seen by 40 errors in 40 places, half of them old: with the driver's type, or with nothing but the
  moment in common;
- two such faults of 20 errors at once, each with a type of its own.

Of each two a seed, of the smallest deploys eight: one stray error in so few members is much.

The real detector reads it; every event is labelled. Beside it, over the same findings: each an incident of its own,
and all one incident that begin within ten minutes of the last one. Incidents per cause: those that are mostly about
it, after merges; pages: before them. Purity: the share of an incident's errors that are of its majority's cause.
Hidden: causes that are told, and no incident is mostly about; silent: no error of theirs was found worth telling.
"(echo)": an old error's own noise that the detector told after a burst of it.
"""

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from premortem.domain.detection import DEFAULT, Detector, DetectorConfig
from premortem.domain.ids import EventId, Fingerprint, ProjectId, TenantId
from premortem.domain.project_stream import ErrorSeen, ProjectRecord, tick
from premortem.domain.timeline import IncidentDetected, IncidentFact, IncidentGrew, IncidentMerged

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
START = 1_795_360_907_000
OLD = 80
WARM_HOURS = 36
EVERY_HOURS = 6
_GENERIC = ("ValueError", "KeyError", "TypeError", "AttributeError", "RuntimeError", "HTTPError")
_WEIGHTS = (30, 15, 12, 8, 6, 4)
_MODULES = 60


class Fault(NamedTuple):
    """A true cause: its label, and its kind for the table."""

    label: str
    kind: str


class Labelled(NamedTuple):
    """A stream with the truth: which fault each event was of; events of none are of the old noise."""

    records: list[ProjectRecord]
    truth: dict[str, Fault]


class World:
    """Makes the events of one project; the same seed gives the same."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.fresh = 0
        self.release = [(START, "shop@0")]
        self.old = [self.error() for _ in range(OLD)]
        self.events: list[ErrorSeen] = []
        self.truth: dict[str, Fault] = {}

    def error(self, root_type: str | None = None, module: str | None = None) -> dict[str, object]:
        """Return a new error: what all its events say."""
        self.fresh += 1
        return {
            "hashes": (Fingerprint(f"{self.fresh:032x}"),),
            "root_type": root_type if root_type is not None else self.some_type(),
            "culprit": f"{module or self.some_module()} in f{self.fresh}",
            "handled": self.chance.random() < 0.5,
        }

    def some_type(self) -> str:
        """Return a type: three of four are generic, the others are the project's own."""
        if self.chance.random() < 0.75:
            return self.chance.choices(_GENERIC, _WEIGHTS)[0]
        return f"Shop{self.chance.randrange(40)}Error"

    def some_module(self) -> str:
        """Return a module; the busiest has one error in five."""
        return f"shop.m{int(_MODULES * self.chance.random() ** 2.5)}"

    def trace(self) -> str:
        """Return a new trace id."""
        return f"{self.chance.getrandbits(128):032x}"

    def say(self, error: dict[str, object], at: float, fault: Fault | None, trace: str | None = None) -> None:
        """Append one event."""
        event_id = EventId(f"{len(self.events):032x}")
        occurred = int(at)
        if fault is not None:
            self.truth[event_id] = fault
        release = next(name for since, name in reversed(self.release) if since <= occurred)
        values: dict[str, object] = {
            "tenant_id": TenantId("acme"),
            "project_id": ProjectId(1),
            "event_id": event_id,
            "occurred_at": occurred,
            "received_at": occurred + self.chance.randrange(200, 3 * SECOND),
            "level": "error",
            "title": "an error",
            "environment": "production",
            "release": release,
            "user_hash": f"{self.chance.randrange(500):x}",
            "trace_id": trace or self.trace(),
        }
        self.events.append(ErrorSeen(**(values | error)))  # type: ignore[arg-type]

    def burst(
        self, error: dict[str, object], at: float, fault: Fault, trace: str | None = None, least: int = 6
    ) -> None:
        """Append a handful of events within some minutes, from `at` on; the first few may share a trace."""
        gap = self.chance.choice([5, 15, 30] if least < 50 else [2, 4, 8]) * SECOND
        for n in range(least + self.chance.randrange(12)):
            self.say(error, at, fault, trace if n < 5 else None)
            at += self.chance.expovariate(1 / gap)

    # ------------------------------------------------------------------------------------------------ faults
    def noise(self, hours: int) -> None:
        """Let the old errors come now and then: each from once an hour to once in eight."""
        for error in self.old:
            mean = self.chance.choice([1, 2, 4, 8]) * HOUR
            at = START + self.chance.expovariate(1 / HOUR)
            while at < START + hours * HOUR:
                self.say(error, at, None)
                at += self.chance.expovariate(1 / mean)

    def unrelated(self, hours: int) -> None:
        """Let one unrelated fault an hour happen."""
        at, number = START + self.chance.expovariate(1 / HOUR), 0
        while at < START + hours * HOUR:
            fault = Fault(f"unrelated {number}", "unrelated")
            new = self.chance.random() < 0.5
            self.burst(self.error() if new else self.chance.choice(self.old), at, fault, least=6 if new else 50)
            at, number = at + self.chance.expovariate(1 / HOUR), number + 1

    def deploy(self, size: int, at: int) -> None:
        """Bring a release with `size` new errors, and a fifth as many old ones that burst."""
        fault = Fault(f"deploy {at}", f"deploy of {size}")
        types = [self.some_type() for _ in range(3 + size // 20)]
        modules = [self.some_module() for _ in range(3 + size // 8)]
        traces = [self.trace() for _ in range(1 + size // 10)]
        for _ in range(size):
            begins = at + self.chance.expovariate(1 / (4 * MINUTE))
            shared = self.chance.choice(traces) if self.chance.random() < 1 / 3 else None
            self.burst(self.error(self.chance.choice(types), self.chance.choice(modules)), begins, fault, shared)
        for error in self.chance.sample(self.old, min(20, size // 5)):
            begins = at + self.chance.expovariate(1 / (4 * MINUTE))
            shared = self.chance.choice(traces) if self.chance.random() < 1 / 3 else None
            self.burst(error, begins, fault, shared, least=50)

    def dead(self, name: str, root_type: str | None, at: int, size: int = 40) -> None:
        """Let errors in as many places begin within two minutes, half of them new; None = each of another type."""
        fault = Fault(f"{name} {at}", name)
        old = self.chance.sample(self.old, size // 2)
        for n in range(size):
            begins = at + self.chance.random() * 2 * MINUTE
            error = dict(old[n // 2]) if n % 2 else self.error()
            error["root_type"] = root_type or f"Odd{self.fresh}x{n}Error"
            error["culprit"] = f"shop.place{self.fresh}x{n} in f"
            self.burst(error, begins, fault, least=50 if n % 2 else 6)

    def bring(self, cause: str, at: int) -> None:
        """Let a true cause happen."""
        if cause.startswith("deploy"):
            self.deploy(int(cause.split()[1]), at)
        elif cause == "two at once":
            self.dead("two at once: database", "OperationalError", at, 20)
            self.dead("two at once: payments", "PaymentError", at, 20)
        else:
            self.dead(f"dead database, {cause}", "OperationalError" if cause == "one type" else None, at)


CAUSES = (*["deploy 5"] * 4, "deploy 50", "deploy 200", "one type", "time alone", "two at once")


def labelled(seed: int, rounds: int = 2) -> Labelled:
    """Return a stream with `rounds` times these causes, after a day and a half of the usual."""
    world = World(seed)
    order = list(CAUSES) * rounds
    world.chance.shuffle(order)
    hours = WARM_HOURS + EVERY_HOURS * len(order) + 3
    starts = [START + int((WARM_HOURS + EVERY_HOURS * n + world.chance.random()) * HOUR) for n in range(len(order))]
    for at, cause in zip(starts, order, strict=True):
        if cause.startswith("deploy"):
            world.release.append((at, f"shop@{at}"))
    world.noise(hours)
    world.unrelated(hours)
    for at, cause in zip(starts, order, strict=True):
        world.bring(cause, at)
    ticks = (tick(START + n * 10 * SECOND) for n in range(hours * 360))
    records: list[ProjectRecord] = [*world.events, *ticks]
    return Labelled(sorted(records, key=lambda record: record.received_at), _with_company(world))


def _with_company(world: World) -> dict[str, Fault]:
    """Return the truth, where an error's noise amid its burst is of the fault too: it may be what fires."""
    truth = dict(world.truth)
    latest: dict[Fingerprint, tuple[int, Fault]] = {}
    for event in sorted(world.events, key=lambda event: event.occurred_at):
        name = event.hashes[0]
        at, fault = latest.get(name, (-HOUR, None))
        if event.event_id in truth:
            latest[name] = event.occurred_at, truth[event.event_id]
        elif fault is not None and event.occurred_at - at <= 10 * MINUTE:
            truth[event.event_id] = fault
    return truth


# ---------------------------------------------------------------------------------------------------- detection
def detected(records: Iterable[ProjectRecord], config: DetectorConfig) -> Iterator[tuple[int, IncidentFact]]:
    """Yield (the stream's clock, fact) of the detector."""
    detector, clock = Detector(config, lateness_ms=0), 0
    for offset, record in enumerate(records):
        clock = max(clock, record.received_at)
        for fact in detector.observe(offset, record):
            yield clock, fact


# ---------------------------------------------------------------------------------------------------- figures
class Placed(NamedTuple):
    """One error's finding: of which fault, in which incident, and how long after it was found it was told, in ms."""

    fault: Fault
    incident: str
    page: str
    waited: int
    at: int


def placed(
    facts: Iterable[tuple[int, IncidentFact]], received: dict[str, int], truth: dict[str, Fault]
) -> list[Placed]:
    """Return where each error's first finding in each incident ended, merges followed."""
    found: dict[tuple[str, str], Placed] = {}
    into: dict[str, str] = {}
    for clock, fact in facts:
        if isinstance(fact, IncidentMerged):
            into[fact.incident_id] = fact.into
        elif isinstance(fact, IncidentDetected | IncidentGrew):
            fault = truth.get(fact.event_id, Fault(f"echo {fact.event_id}", "(echo)"))
            at, page = received[fact.event_id], fact.incident_id
            found.setdefault((page, fact.fingerprint), Placed(fault, page, page, clock - at, at))
    return [each._replace(incident=_followed(into, each.page)) for each in found.values()]


def _followed(into: dict[str, str], incident: str) -> str:
    while incident in into:
        incident = into[incident]
    return incident


class Figures(NamedTuple):
    """Of one kind of fault: sums over its faults, and over the incidents that are mostly about them."""

    causes: int = 0
    silent: int = 0
    incidents: int = 0
    pages: int = 0
    hidden: int = 0
    pure: int = 0
    members: int = 0
    waited: int = 0
    """The longest time from a fault's first finding to its first fact, in ms."""


def figures(all_placed: list[Placed], faults: Iterable[Fault]) -> dict[str, Figures]:
    """Return the figures of each kind of fault."""
    of_incident: dict[str, Counter[Fault]] = defaultdict(Counter)
    pages: dict[str, set[str]] = defaultdict(set)
    of_fault: dict[Fault, list[Placed]] = defaultdict(list)
    for each in all_placed:
        of_incident[each.incident][each.fault] += 1
        pages[each.incident].add(each.page)
        of_fault[each.fault].append(each)
    own: dict[Fault, list[str]] = defaultdict(list)
    for incident, members in of_incident.items():
        own[max(sorted(members), key=members.__getitem__)].append(incident)
    table: dict[str, Figures] = defaultdict(Figures)
    for fault in sorted({*faults, *of_fault}):
        told, mine, sums = of_fault[fault], own[fault], table[fault.kind]
        waited = min(e.at + e.waited for e in told) - min(e.at for e in told) if told else 0
        table[fault.kind] = Figures(
            causes=sums.causes + 1,
            silent=sums.silent + (not told),
            incidents=sums.incidents + len(mine),
            pages=sums.pages + sum(len(pages[incident]) for incident in mine),
            hidden=sums.hidden + (bool(told) and not mine),
            pure=sums.pure + sum(of_incident[incident][fault] for incident in mine),
            members=sums.members + sum(of_incident[incident].total() for incident in mine),
            waited=max(sums.waited, waited),
        )
    return table


def by_time_alone(all_placed: list[Placed]) -> list[Placed]:
    """Return the same findings, joined when they come within ten minutes of the last one."""
    result: list[Placed] = []
    last, name = -HOUR, 0
    for each in sorted(all_placed, key=lambda each: each.at):
        name += each.at - last > 10 * MINUTE
        last = each.at
        result.append(each._replace(incident=str(name), page=str(name), waited=0))
    return result


def each_alone(all_placed: list[Placed]) -> list[Placed]:
    """Return the same findings, each an incident of its own."""
    return [each._replace(incident=str(n), page=str(n), waited=0) for n, each in enumerate(all_placed)]


def show(name: str, tables: list[dict[str, Figures]]) -> None:
    """Print one table, summed over the seeds."""
    heads = ("causes", "silent", "incidents per cause", "pages", "purity", "hidden", "minutes added")
    print(f"{name}\n  {'':26}" + "".join(f"{head:>{len(head) + 2}}" for head in heads))
    total = Figures()
    for kind in sorted({kind for table in tables for kind in table}):
        each = [table[kind] for table in tables if kind in table]
        sums = Figures(*map(sum, zip(*each, strict=True)))._replace(waited=max(one.waited for one in each))
        total = total._replace(pure=total.pure + sums.pure, members=total.members + sums.members)
        told = max(1, sums.causes - sums.silent)
        print(
            f"  {kind:26}{sums.causes:8}{sums.silent:8}{sums.incidents / told:21.2f}{sums.pages / told:7.2f}"
            f"{sums.pure / max(1, sums.members):8.3f}{sums.hidden:8}{sums.waited / MINUTE:15.1f}"
        )
    print(f"  {'all':26}{'':44}{total.pure / max(1, total.members):8.3f}", flush=True)


def main(seeds: int = 12, first: int = 0, config: DetectorConfig = DEFAULT) -> None:
    """Print the figures."""
    ours, single, time = [], [], []
    for seed in range(first, first + seeds):
        stream = labelled(seed)
        errors = [record for record in stream.records if isinstance(record, ErrorSeen)]
        received: dict[str, int] = {error.event_id: error.received_at for error in errors}
        warm = START + WARM_HOURS * HOUR
        faults = {stream.truth[e.event_id] for e in errors if e.event_id in stream.truth and e.received_at >= warm}
        where = [each for each in placed(detected(stream.records, config), received, stream.truth) if each.at >= warm]
        ours.append(figures(where, faults))
        single.append(figures(each_alone(where), faults))
        time.append(figures(by_time_alone(where), faults))
    show("the detector", ours)
    show("each finding an incident", single)
    show("joined by time alone", time)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
