"""A tracer whose traces go nowhere: what is used where no Langfuse is configured."""

from premortem.adapters.tracer.ids import trace_id_of
from premortem.domain.ids import IncidentId


class SilentTracer:
    """Keeps nothing; the ids are those that a tracer that shows them would have."""

    def trace_id(self, incident: IncidentId, step: str, attempt: int) -> str:
        """Return the id that these three always have."""
        return trace_id_of(incident, step, attempt)

    def trace_url(self, trace_id: str) -> str:
        """Return nothing: there is nowhere to look."""
        del trace_id
        return ""

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
        """Show it to nobody."""

    def flush(self) -> None:
        """Send nothing."""
