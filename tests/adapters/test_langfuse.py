"""Traces reach a receiver of OpenTelemetry's protocol as Langfuse's client sends them; a receiver that is away or hangs
delays and fails nobody.
"""

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from premortem.adapters.tracer.langfuse import LangfuseTracer
from premortem.domain.ids import IncidentId
from tests.ports import free_port

INCIDENT = IncidentId("0b8f6c1e")


@contextmanager
def receiver(wait_seconds: float = 0.0) -> Iterator[tuple[str, "Queue[tuple[str, Span]]"]]:
    """Run an OTLP receiver; yields its URL, and the spans with the authorization that they came with."""
    spans: Queue[tuple[str, Span]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            time.sleep(wait_seconds)
            if self.path == "/api/public/otel/v1/traces":
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        for span in scope.spans:
                            spans.put((self.headers["authorization"], span))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        server.server_close()


def attributes(span: Span) -> dict[str, object]:
    return {each.key: each.value.string_value for each in span.attributes}


def test_a_step_is_shown_under_the_trace_id_that_incident_step_and_attempt_always_have() -> None:
    with receiver() as (url, spans):
        tracer = LangfuseTracer(url, "pk-lf-shop", "sk-lf-shop", "shop")
        trace_id = tracer.trace_id(INCIDENT, "rca", 1)
        tracer.record(trace_id, "rca", {"evidence": ["ev-1"]}, {"verdict": "probable"}, model="small", tokens=(100, 50))
        authorization, span = spans.get(timeout=90)
        tracer.flush()
    assert span.trace_id.hex() == trace_id == hashlib.sha256(b"0b8f6c1e/rca/1").hexdigest()[:32]
    assert span.name == "rca"
    shown = attributes(span)
    assert shown["langfuse.observation.input"] == '{"evidence": ["ev-1"]}'
    assert shown["langfuse.observation.output"] == '{"verdict": "probable"}'
    assert shown["langfuse.observation.model.name"] == "small"
    assert authorization.startswith("Basic ")
    assert tracer.trace_url(trace_id) == f"{url}/project/shop/traces/{trace_id}"


@pytest.mark.parametrize("kind", ["away", "hangs"])
def test_a_langfuse_that_does_not_answer_delays_and_fails_nobody(kind: str) -> None:
    with receiver(wait_seconds=30) as (url, _):
        tracer = LangfuseTracer(
            url if kind == "hangs" else f"http://127.0.0.1:{free_port()}", "pk-lf-a", "sk-lf-a", "p"
        )
        started = time.monotonic()
        for attempt in range(200):
            tracer.record(tracer.trace_id(INCIDENT, "rca", attempt), "rca", "given", "answered")
        assert time.monotonic() - started < 10
        tracer.flush()
        assert time.monotonic() - started < 20


def test_steps_beyond_what_may_wait_are_lost_and_counted() -> None:
    tracer = LangfuseTracer(f"http://127.0.0.1:{free_port()}", "pk-lf-b", "sk-lf-b", "")
    for attempt in range(3_000):
        tracer.record("0" * 32, str(attempt), None, None)
    assert tracer.lost > 0
    assert tracer.trace_url("0" * 32) == ""
