"""A scripted server of OpenAI's interface: answers as a test says, and remembers what it was asked.

Its answers have the shape of the published description of `POST /chat/completions`; OpenAI's own client reads them.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], "Reply"]


@dataclass(frozen=True)
class Reply:
    """What to answer: a text as the model's, or a status with a body; slowly, if asked."""

    text: str = ""
    status: int = 200
    body: bytes | None = None
    finish_reason: str = "stop"
    refusal: str | None = None
    wait_seconds: float = 0.0
    drip_seconds: float = 0.0
    """Between single bytes of the body."""

    def bytes(self, model: str) -> bytes:
        """Return the body."""
        if self.body is not None:
            return self.body
        message = {"role": "assistant", "content": self.text, "refusal": self.refusal}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason, "logprobs": None}
        usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
        return json.dumps(
            {"id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}
        ).encode()


@dataclass
class ModelServer:
    """What runs: its URL, what it was asked, and what it will answer (the last one for ever)."""

    url: str
    replies: list[Answer] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """What each question was signed with."""

    def script(self, *replies: "Reply | Answer") -> None:
        """Answer in this order from now on."""
        self.replies[:] = [(lambda _request, reply=r: reply) if isinstance(r, Reply) else r for r in replies]


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Run one on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            served.asked.append(request)
            served.keys.append(self.headers.get("authorization", ""))
            answer = served.replies.pop(0) if len(served.replies) > 1 else served.replies[0]
            reply = answer(request)
            time.sleep(reply.wait_seconds)
            body = reply.bytes(request["model"]) if self.path == "/v1/chat/completions" else b"{}"
            self.send_response(reply.status if self.path == "/v1/chat/completions" else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            try:
                for part in [body] if not reply.drip_seconds else [body[n : n + 1] for n in range(len(body))]:
                    self.wfile.write(part)
                    self.wfile.flush()
                    time.sleep(reply.drip_seconds)
            except OSError:
                return  # whoever asked went away, which is what some tests are about

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = ModelServer(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
