"""Properties of grouping: pure, the same in every process, and blind to what changes from one event to the next."""

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from premortem.domain.error_event import ErrorEvent, ExceptionValue, Frame, Thread
from premortem.domain.fingerprint import group
from premortem.domain.fingerprint.messages import normalise_message
from premortem.domain.fingerprint.variants import EMPTY_HASH, hash_of
from premortem.sentry.event_payload import normalise
from tests.hash_seeds import written_under

NOW = 1_795_360_907_000
PLATFORMS = ("python", "javascript", "node", "java", "native", "cocoa", "csharp", "php", "ruby", "go", "other")

words = st.sampled_from(["pay", "std::sort<int>(int*)", "-[Shop pay:]", "lambda$1", "block in x", "a.b.c", "?", "eval"])
paths = st.sampled_from(["/a/shop.py", "https://cdn/x.js", "/usr/lib/libc.so", "C:\\a\\B.dll", "x/site-packages/y.py"])
names = st.none() | words | st.text(max_size=12)
places = st.none() | paths | st.text(max_size=12)
numbers = st.none() | st.integers(0, 5)
flags = st.none() | st.booleans()
frames = st.builds(
    Frame, names, st.none() | words, names, places, places, places, names, numbers, numbers, flags,
    st.none() | st.sampled_from(PLATFORMS), st.booleans(),
)  # fmt: skip
stacks = st.none() | st.lists(frames, max_size=6).map(tuple)
exceptions = st.builds(
    ExceptionValue,
    type=names,
    value=st.none() | st.text(max_size=30),
    frames=stacks,
    synthetic=st.booleans(),
    exception_id=numbers,
    parent_id=numbers,
    is_exception_group=st.booleans(),
)
parts = st.sampled_from(["{{ default }}", "{{ type }}", "{{ stack.function }}", "{{ tags.a }}", "x"]) | st.text(
    max_size=9
)
events = st.builds(
    ErrorEvent,
    event_id=st.just("0" * 32),
    platform=st.sampled_from(PLATFORMS),
    occurred_at=st.just(NOW),
    received_at=st.just(NOW),
    level=st.just("error"),
    title=st.just("t"),
    culprit=st.just("c"),
    message=st.none() | st.text(max_size=40),
    formatted=st.none() | st.text(max_size=40),
    exceptions=st.lists(exceptions, max_size=4).map(tuple),
    threads=st.lists(st.builds(Thread, stacks, st.booleans(), st.booleans()), max_size=3).map(tuple),
    frames=stacks,
    template=st.none() | st.tuples(places, names),
    fingerprint=st.lists(parts, max_size=3).map(tuple),
    checksum=st.none() | st.text(max_size=6),
)


@given(events)
@settings(max_examples=150, deadline=None)
def test_every_event_has_one_or_two_hashes_made_of_the_values_that_are_kept(event: ErrorEvent) -> None:
    grouping = group(event)
    assert 1 <= len(grouping.hashes) <= 2
    assert len(set(grouping.hashes)) == len(grouping.hashes)
    assert {variant.hash for variant in grouping.variants} == set(grouping.hashes)
    for variant in grouping.variants:
        if variant.name != "checksum":
            assert variant.hash == hash_of([value for _, value in variant.values])
        assert all(role and isinstance(value, str) for role, value in variant.values)
        assert variant.values or variant.hash == EMPTY_HASH
    assert group(event) == grouping


@given(events, st.integers(), st.text(max_size=8))
@settings(max_examples=100, deadline=None)
def test_when_where_and_to_whom_it_happened_changes_nothing(event: ErrorEvent, number: int, text: str) -> None:
    elsewhere = replace(
        event,
        event_id=f"{abs(number):032x}"[:32],
        occurred_at=number,
        received_at=number,
        release=text,
        environment=text,
        dist=text,
        user_hash=text,
        trace_id=text,
        sdk=text,
        title=text,
        culprit=text,
    )
    assert group(elsewhere) == group(event)


def renumbered(stack: tuple[Frame, ...] | None, by: int) -> tuple[Frame, ...] | None:
    """Return the frames as another build would number them; equal places stay equal."""
    return stack and tuple(
        replace(f, lineno=None if f.lineno is None else f.lineno + by, colno=None if f.colno is None else f.colno + by)
        for f in stack
    )


@given(events, st.integers(1, 1000))
@settings(max_examples=100, deadline=None)
def test_other_line_numbers_change_nothing(event: ErrorEvent, by: int) -> None:
    moved = replace(
        event,
        frames=renumbered(event.frames, by),
        exceptions=tuple(replace(e, frames=renumbered(e.frames, by)) for e in event.exceptions),
        threads=tuple(replace(t, frames=renumbered(t.frames, by)) for t in event.threads),
    )
    assert group(moved) == group(event)


def payload(address: str, line: int, thread: int) -> dict[str, Any]:
    """Return a crash as a client sends it: no stack with the exception, an address in the text, two threads."""
    frame = {"function": "pay", "module": "shop", "in_app": True, "lineno": line, "instruction_addr": address}
    return {
        "platform": "python",
        "exception": {"values": [{"type": "E", "value": f"at {address}, line {line}", "thread_id": thread}]},
        "threads": {
            "values": [
                {"id": thread, "name": f"worker-{thread}", "crashed": True, "stacktrace": {"frames": [frame]}},
                {"id": thread + 1, "stacktrace": {"frames": [{"function": "idle", "vars": {"at": address}}]}},
            ]
        },
        "tags": {"host": address, "line": line},
        "extra": {"registers": {"rip": address}},
    }


def hashes(value: dict[str, Any]) -> tuple[str, ...]:
    return group(normalise(json.loads(json.dumps(value)), event_id="0" * 32, received_at=NOW)[1]).hashes


@given(st.integers(0, 1 << 64), st.integers(0, 10**6), st.integers(0, 10**6))
def test_another_address_line_or_thread_changes_nothing(address: int, line: int, thread: int) -> None:
    for without in ((), ("exception",)):
        one, other = payload("0x7ffe00ab", 10, 1), payload(hex(address), line, thread)
        for name in without:
            del one[name], other[name]
        assert hashes(one) == hashes(other)


def shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, shuffled(entry, order)) for key, entry in value.items()]
        order.shuffle(items)
        return dict(items)
    return [shuffled(entry, order) for entry in value] if isinstance(value, list) else value


@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_nothing(order: random.Random) -> None:
    sent = payload("0x10", 1, 1) | {"fingerprint": ["{{ default }}", "{{ tags.host }}", "{{ stack.function }}"]}
    assert hashes(shuffled(sent, order)) == hashes(sent)


kinds = st.sampled_from(
    [
        ("17", "-4"),
        ("1.5", "-20.25"),
        ("0xdeadbeef", "0x1"),
        ("3ms", "14.5s"),
        ("10.0.0.1", "fe80:0:0:0:1:2:3:4"),
        ("bob@example.com", "eve.w+x@mail.example.org"),
        ("6ccb1757-8dc8-49c1-8711-a064f20ddd15", "00000000-0000-0000-0000-000000000001"),
        ("a" * 32, "0123456789abcdef" * 2),
        ("2026-11-22", "2026-11-22T14:40:00Z"),
        ("https://a.example/x?y=1", "wss://b/"),
    ]
)
said = st.sampled_from([("order",), ("is gone",), ("(failed)",), ("key =",)])


@given(st.lists(kinds | said, min_size=1, max_size=8), st.sampled_from([" ", " ; ", "\n"]))
def test_messages_that_differ_in_what_changes_alone_are_one(pieces: list[tuple[str, ...]], between: str) -> None:
    one, other = (between.join(piece[which] for piece in pieces) for which in (0, -1))
    assert normalise_message(one) == normalise_message(other)


@given(st.text(max_size=200) | st.text(alphabet="0123456789abcdefx.:-@='\"<>{}/ T\n", max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_message_has_two_lines_at_most(text: str) -> None:
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(normalise_message(text).splitlines()) <= min(2, len(lines))


_PROGRAM = """
import sys
from premortem.domain.error_event import ErrorEvent, ExceptionValue, Frame
from premortem.domain.fingerprint import explain, group
platforms = ("python", "native", "java", "node", "cocoa")
for n in range(300):
    frames = tuple(
        Frame(f"std::f{n % 7}<T{k}>(int)", module=("java.util.X", "shop", "kotlin.Y")[k % 3], in_app=k % 2 == 0,
              package=("/usr/lib/system/libdyld.dylib", "/Users/u/app")[k % 2], abs_path=f"/a/node_modules/{k}.js")
        for k in range(n % 9)
    )
    event = ErrorEvent(
        event_id="0" * 32, platform=platforms[n % 5], occurred_at=0, received_at=0, level="error", title="", culprit="",
        exceptions=tuple(ExceptionValue(type=f"E{k % 3}", value=f"v {n}", frames=frames or None, exception_id=k,
                                        parent_id=0 if k else None, is_exception_group=k == 0) for k in range(n % 5)),
        message=f"job {n} of a=true", tags=(("a", "b"),), fingerprint=("{{ default }}", "{{ tags.a }}") * (n % 2),
    )
    sys.stdout.write(explain(group(event)) + "\\n")
"""


def test_another_hash_seed_gives_the_same_hashes() -> None:
    outputs = written_under(("0", "4242"), _PROGRAM)
    assert len(outputs) == 1
    assert outputs.pop().count(b"\n") > 1000
