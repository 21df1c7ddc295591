"""Traces apart: steps that are done again get traces of their own, beside those of the first time."""

from premortem.domain.ids import IncidentId
from premortem.ports import Tracer


class ApartTracer:
    """Calls every step `<step> <name>`."""

    def __init__(self, tracer: Tracer, name: str) -> None:
        self._tracer, self._name = tracer, name

    def trace_id(self, incident: IncidentId, step: str, attempt: int) -> str:
        """Return the id of the step that is done again."""
        return self._tracer.trace_id(incident, f"{step} {self._name}", attempt)

    def trace_url(self, trace_id: str) -> str:
        """Return where a person sees it."""
        return self._tracer.trace_url(trace_id)

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
        """Show what the step was given and what it answered."""
        self._tracer.record(trace_id, f"{step} {self._name}", given, answered, model=model, tokens=tokens)

    def flush(self) -> None:
        """Send what waits."""
        self._tracer.flush()
