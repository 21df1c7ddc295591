"""An archive with the events, sessions and deploys of a shop, and the story of a fix that was merged and deployed."""

from typing import Any

import msgspec

from premortem.domain.archive import ArchivedDeploy, ArchivedEvent, ArchivedSessions
from premortem.domain.decision import Decision
from premortem.domain.evidence import Edit
from premortem.domain.ids import EventId, FactId, Fingerprint, derive
from premortem.domain.incident import fold
from premortem.domain.tasks import EvaluateFix, FindDeploy
from premortem.domain.timeline import FixApplied, FixDeployed, FixProposed, IncidentFact
from premortem.domain.work import Work
from tests.builders import NOW, detected
from tests.workers.bench import about, asked

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MERGED = NOW + 2 * DAY
DEPLOYED = MERGED + HOUR
COMMIT = "c0ffee" * 6 + "c0de"
BOOM, NEXT = Fingerprint("a" * 32), Fingerprint("b" * 32)
WHOSE: dict[str, Any] = {"tenant_id": detected().tenant_id, "project_id": detected().project_id}
OPENED = detected(decision=Decision("novelty", 1, fired=True, at=NOW, onset=NOW))
PROPOSED = about(FixProposed, id=FactId("fix"), summary="s", patch="p", edits=(Edit("src/shop/cart.py", "a", "b"),))
MERGE = about(FixApplied, id=FactId("merge"), repository="acme/shop", number=1, commit=COMMIT, occurred_at=MERGED)
DEPLOY = about(
    FixDeployed,
    id=FactId("deploy"),
    release="shop@2",
    environment="production",
    inferred=False,
    commit=COMMIT,
    deployed_at=DEPLOYED,
    occurred_at=DEPLOYED + 3 * MINUTE,
)


def event(at: int, release: str = "shop@1", fingerprint: str = BOOM, **changes: Any) -> ArchivedEvent:
    """Return an error in `shop/cart.py`; its id is made of what it says."""
    values: dict[str, Any] = {
        "event_id": EventId(derive(at, release, fingerprint).replace("-", "")),
        "fingerprint": Fingerprint(fingerprint),
        "occurred_at": at,
        "received_at": at + 300,
        "level": "error",
        "platform": "python",
        "release": release,
        "environment": "production",
        "user_hash": "",
        "title": "KeyError: total",
        "tags": (),
        "payload": body("shop/cart.py", "price"),
    }
    return ArchivedEvent(**(WHOSE | values | changes))


def body(filename: str, function: str) -> bytes:
    """Return the payload of an event that failed there."""
    outer = {"filename": "lib/web.py", "function": "serve", "in_app": False}
    frames = [outer, {"filename": filename, "function": function, "in_app": True, "lineno": 4}]
    return msgspec.json.encode({"exception": {"values": [{"type": "KeyError", "stacktrace": {"frames": frames}}]}})


def sessions(at: int, release: str, exited: int) -> ArchivedSessions:
    """Return sessions that began in one minute."""
    values: dict[str, Any] = {"release": release, "environment": "production", "exited": exited}
    nothing = {"errored": 0, "crashed": 0, "abnormal": 0}
    return ArchivedSessions(**WHOSE, **values, **nothing, row_id=f"{release} {at}", started_at=at)


def notice(at: int, release: str, environment: str = "production") -> ArchivedDeploy:
    """Return a deploy that was reported."""
    name = f"{release} {at}"
    return ArchivedDeploy(**WHOSE, deploy_id=name, deployed_at=at, release=release, environment=environment)


def before(every: int = 10 * MINUTE) -> list[ArchivedEvent | ArchivedSessions]:
    """Return the time from the onset to the deploy: an error every so often, and 20 sessions in ten minutes."""
    times = range(NOW, DEPLOYED, every)
    traffic = [sessions(at - at % MINUTE, "shop@1", 20) for at in range(NOW, DEPLOYED, 10 * MINUTE)]
    return [*(event(at) for at in times), *traffic]


def after(hours: int, every: int = 0, **said: Any) -> list[ArchivedEvent | ArchivedSessions]:
    """Return hours after the deploy: sessions of the fix's release, and an error every so often (0 = never)."""
    end = DEPLOYED + hours * HOUR
    traffic = [sessions(at - at % MINUTE, "shop@2", 20) for at in range(DEPLOYED + MINUTE, end, 10 * MINUTE)]
    return [*traffic, *(event(at, "shop@2", **said) for at in (range(DEPLOYED + 1, end, every) if every else ()))]


def searched(at: int, *facts: IncidentFact, **said: Any) -> Work[FindDeploy]:
    """Return the search for the deploy of the merge, at that time."""
    story = (OPENED, PROPOSED, *(facts or (MERGE,)))
    incident = fold(story)
    assert incident is not None
    return Work(asked(FindDeploy, FactId("merge"), at=at, **said), incident, story)


def judged(at: int, *later: IncidentFact, **said: Any) -> Work[EvaluateFix]:
    """Return the evaluation of the deploy at that time; what came later than it caused the task."""
    story = (OPENED, PROPOSED, MERGE, DEPLOY, *later)
    incident = fold(story)
    assert incident is not None
    return Work(asked(EvaluateFix, story[-1].id, at=at, **said), incident, story)
