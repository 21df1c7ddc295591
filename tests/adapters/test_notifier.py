"""Notices reach a real HTTP server: signed as the Standard Webhooks specification says, or in Slack's form, inert."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from msgspec.structs import replace

from premortem.adapters.notice_book.memory import MemoryNoticeBook
from premortem.adapters.notifier.http import HttpNotifier
from premortem.domain.ids import IncidentId, ProjectId, TenantId
from premortem.domain.incident import Incident
from premortem.domain.routing import react
from premortem.domain.tasks import Notify
from premortem.domain.work import Work
from premortem.exceptions import Malformed, Permanent, Unavailable
from premortem.ports import Notice, NotificationTarget
from premortem.workers.notices import MOST_IN_A_MINUTE, Notices, notice_of
from tests.builders import NOW, detected, incident
from tests.ports import free_port

KEY = base64.b64encode(b"k" * 32).decode()
OLD = base64.b64encode(b"o" * 32).decode()


class Receiver:
    """A server that answers with `status` and remembers what came."""

    def __init__(self) -> None:
        self.status = 200
        self.endless = False
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("location", "/elsewhere")
                if not receiver.endless:
                    self.send_header("content-length", "0")
                self.end_headers()
                with suppress(OSError):
                    while receiver.endless:
                        self.wfile.write(b"x" * 1_000)
                        time.sleep(0.05)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    served = Receiver()
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def notifier() -> Iterator[HttpNotifier]:
    made = HttpNotifier(lambda: NOW)
    yield made
    made.close()


def target(url: str, **said: Any) -> NotificationTarget:
    values: dict[str, Any] = {"id": 7, "tenant_id": TenantId("acme"), "project_id": None, "kind": "webhook", "url": url,
                              "secrets": (f"whsec_{KEY}", f"whsec_{OLD}")}  # fmt: skip
    return NotificationTarget(**(values | said))


def notice(**said: Any) -> Notice:
    values: dict[str, Any] = {
        "id": "task-1", "occasion": "opened", "tenant_id": TenantId("acme"), "project_id": ProjectId(1),
        "incident_id": IncidentId("i"), "at": NOW, "severity": "high", "title": "KeyError", "text": "Opened:",
        "url": "http://premortem.example/incidents/i",
    }  # fmt: skip
    return Notice(**(values | said))


@pytest.mark.parametrize("key", [KEY, OLD], ids=["new secret", "old secret"])
def test_a_webhook_is_believed_by_whoever_knows_either_secret(
    receiver: Receiver, notifier: HttpNotifier, key: str
) -> None:
    notifier.notify(target(receiver.url), notice())
    ((headers, body),) = receiver.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(base64.b64decode(key), signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in headers["webhook-signature"].split(" ")
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("task-1", str(NOW // 1000))
    said = json.loads(body)
    assert (said["type"], said["data"]["incident_id"]) == ("incident.opened", "i")


def test_a_message_for_slack_holds_hostile_titles_as_plain_letters(receiver: Receiver, notifier: HttpNotifier) -> None:
    hostile = "<!channel> <https://evil.example|click> *bold* & @here"
    notifier.notify(target(receiver.url, kind="slack", secrets=()), notice(title=hostile, origin_url="http://s/1"))
    ((headers, body),) = receiver.got
    said = json.loads(body)
    assert "<" not in said["text"]
    assert "&lt;!channel&gt;" in said["text"]
    assert said["blocks"][0]["text"]["type"] == "plain_text"
    urls = [element["url"] for element in said["blocks"][1]["elements"]]
    assert urls == ["http://premortem.example/incidents/i", "http://s/1"]
    assert "webhook-signature" not in headers


def test_a_notice_says_whose_the_incident_is_and_who_looks_into_it(receiver: Receiver, notifier: HttpNotifier) -> None:
    opened = replace(incident(), owner="<payments>", acknowledged_by="ben")
    told = notice_of(opened, work().task, "http://premortem.example")
    notifier.notify(target(receiver.url), told)
    notifier.notify(target(receiver.url, kind="slack", secrets=()), told)
    (_, first), (_, second) = receiver.got
    assert {name: json.loads(first)["data"][name] for name in ("owner", "acknowledged_by")} == {
        "owner": "<payments>",
        "acknowledged_by": "ben",
    }
    assert json.loads(second)["text"].endswith("(owner: &lt;payments&gt;)")


def test_a_message_for_slack_is_never_one_that_slack_refuses(receiver: Receiver, notifier: HttpNotifier) -> None:
    long = notice(title="t" * 5_000, text="s" * 1_000, url="/incidents/i", origin_url=f"https://s/{'x' * 3_000}")
    for each in (long, notice(title="\u202egnp.exe\u2066\n", origin_url="javascript:alert(1)")):
        notifier.notify(target(receiver.url, kind="slack", secrets=()), each)
    (_, first), (_, second) = receiver.got
    (section,) = json.loads(first)["blocks"]
    assert 2_000 < len(section["text"]["text"]) <= 3_000
    section, actions = json.loads(second)["blocks"]
    assert section["text"]["text"] == "🟠 Opened: gnp.exe"
    assert [element["text"]["text"] for element in actions["elements"]] == ["Incident"]


def test_an_answer_without_an_end_is_not_read(receiver: Receiver, notifier: HttpNotifier) -> None:
    receiver.endless = True
    started = time.monotonic()
    notifier.notify(target(receiver.url), notice())
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("status", "raised"), [(500, Unavailable), (429, Unavailable), (404, Malformed), (410, Malformed), (302, Malformed)]
)
def test_a_target_that_is_broken_is_asked_again_and_one_that_refuses_is_not(
    receiver: Receiver, notifier: HttpNotifier, status: int, raised: type[Exception]
) -> None:
    receiver.status = status
    with pytest.raises(raised, match="target 7"):
        notifier.notify(target(receiver.url), notice())
    assert len(receiver.got) == 1


def test_a_target_that_is_away_is_unavailable(notifier: HttpNotifier) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        notifier.notify(target(f"http://127.0.0.1:{free_port()}/"), notice())


def work(n: int = 0, occasion: str = "opened") -> Work[Notify]:
    fact = detected()
    opened: Incident = incident()
    (task,) = [task for task in react(opened, fact).tasks if isinstance(task, Notify)]
    told = Notify(
        id=type(task.id)(f"{task.id}-{n}"), incident_id=task.incident_id, tenant_id=task.tenant_id,
        project_id=task.project_id, caused_by=task.caused_by, at=task.at, occasion=occasion,  # type: ignore[arg-type]
    )  # fmt: skip
    return Work(told, opened, (fact,))


def handler(receiver: Receiver, notifier: HttpNotifier, **said: Any) -> tuple[Notices, list[int]]:
    book, clock = MemoryNoticeBook(), [NOW]
    book.add_target(target(receiver.url, **said))
    return Notices(notifier, book, "http://premortem.example", lambda: clock[0]), clock


def test_the_same_task_worked_twice_tells_nobody_twice(receiver: Receiver, notifier: HttpNotifier) -> None:
    handle, _ = handler(receiver, notifier)
    assert handle(work()) == handle(work())
    assert len(receiver.got) == 1


def test_a_target_hears_of_the_occasions_that_it_asked_for(receiver: Receiver, notifier: HttpNotifier) -> None:
    handle, _ = handler(receiver, notifier, occasions=("needs_you",))
    handle(work(1, "opened"))
    handle(work(2, "needs_you"))
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["incident.needs_you"]


def test_more_than_one_can_read_waits_for_the_next_minute_and_growth_is_left_out(
    receiver: Receiver, notifier: HttpNotifier
) -> None:
    handle, clock = handler(receiver, notifier)
    for n in range(MOST_IN_A_MINUTE):
        handle(work(n))
    handle(work(90, "grown"))
    with pytest.raises(Unavailable, match="within a minute"):
        handle(work(91))
    assert len(receiver.got) == MOST_IN_A_MINUTE
    clock[0] += 61_000
    handle(work(91))
    assert len(receiver.got) == MOST_IN_A_MINUTE + 1


def test_one_target_that_refuses_keeps_no_other_from_being_told(receiver: Receiver, notifier: HttpNotifier) -> None:
    book = MemoryNoticeBook()
    book.add_target(target(receiver.url.replace("/hook", "/hook"), kind="slack", secrets=()))
    receiver.status = 404
    handle = Notices(notifier, book, "http://premortem.example", lambda: NOW)
    with pytest.raises(Permanent, match="refuses notices"):
        handle(work())
    receiver.status = 200
    book.add_target(target(receiver.url))
    handle(work())
    assert len(receiver.got) == 3
