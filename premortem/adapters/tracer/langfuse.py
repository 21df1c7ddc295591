"""Traces in Langfuse, by its own client: a thread of its own sends them, so that no task waits for it or fails with it.

The id of a trace is derived (`ids.trace_id_of`), its address is built from the configured project, never asked for.
What cannot be sent in time, or finds the queue full, is lost and counted: a trace is a convenience, the timeline is the
truth.
"""

import logging
import threading
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from premortem.adapters.tracer.ids import trace_id_of
from premortem.domain.ids import IncidentId

if TYPE_CHECKING:
    from langfuse import Langfuse

_LOGGER = logging.getLogger(__name__)
_MOST_WAITING = 1_000
_FLUSH_SECONDS = 2.0
_LOOK_SECONDS = 0.05
_LONGEST = 20_000


class _Step(Struct, frozen=True):
    """A step to show."""

    trace_id: str
    name: str
    given: object
    answered: object
    model: str
    tokens: tuple[int, int]


class LangfuseTracer:
    """Sends to the Langfuse at `url`; `project_id` is that of the keys, for the addresses of traces."""

    def __init__(self, url: str, public_key: str, secret_key: str, project_id: str) -> None:
        self._url, self._project_id = url.rstrip("/"), project_id
        self._keys = (public_key, secret_key)
        self._waiting: Queue[_Step] = Queue(_MOST_WAITING)
        self._idle = threading.Event()
        self._idle.set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.lost = 0

    def trace_id(self, incident: IncidentId, step: str, attempt: int) -> str:
        """Return the id that these three always have."""
        return trace_id_of(incident, step, attempt)

    def trace_url(self, trace_id: str) -> str:
        """Return where a person sees the trace; nothing without the project's id."""
        return f"{self._url}/project/{self._project_id}/traces/{trace_id}" if self._project_id else ""

    def record(
        self,
        trace_id: str,
        step: str,
        given: object,
        answered: object,
        *,
        model: str = "",
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        """Hand a step to the thread that sends; lost when too many wait."""
        try:
            self._idle.clear()
            self._waiting.put_nowait(_Step(trace_id, step, given, answered, model, tokens))
        except Full:
            self.lost += 1
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="langfuse", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Wait until what was recorded is sent, for at most two seconds."""
        self._idle.wait(_FLUSH_SECONDS)

    def _run(self) -> None:
        client = self._opened()
        while True:
            try:
                step = self._waiting.get(timeout=_LOOK_SECONDS)
            except Empty:
                self._send(client)
                continue
            try:
                if client is not None:
                    _show(client, step)
            except Exception as problem:  # noqa: BLE001 -- whatever a client does, no task may notice
                self.lost += 1
                _LOGGER.debug("a trace was not shown: %s", problem)

    def _send(self, client: "Langfuse | None") -> None:
        if self._idle.is_set():
            return
        try:
            if client is not None:
                client.flush()
        except Exception as problem:  # noqa: BLE001 -- as above
            _LOGGER.debug("traces were not sent: %s", problem)
        if self._waiting.empty():
            self._idle.set()

    def _opened(self) -> "Langfuse | None":
        """Return the client, imported here because that takes a second; None when it cannot be made."""
        try:
            from langfuse import Langfuse

            return Langfuse(
                public_key=self._keys[0], secret_key=self._keys[1], base_url=self._url, timeout=2, flush_interval=1
            )
        except Exception as problem:  # noqa: BLE001 -- as above
            _LOGGER.warning("Langfuse cannot be used: %s", problem)
            return None


def _show(client: "Langfuse", step: _Step) -> None:
    as_type: Any = "generation" if step.model else "agent"
    more: dict[str, Any] = {}
    if step.model:
        more = {"model": step.model, "usage_details": {"input": step.tokens[0], "output": step.tokens[1]}}
    with client.start_as_current_observation(
        trace_context={"trace_id": step.trace_id}, name=step.name, as_type=as_type, input=_cut(step.given),
        output=_cut(step.answered), **more,
    ):  # fmt: skip
        pass


def _cut(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value
