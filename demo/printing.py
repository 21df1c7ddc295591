"""What `make demo-fix` prints: steps by the machine's clock, facts in sentences, the timeline by the shop's clock."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from premortem.cli.output import printable
from premortem.domain.observations import FailedFix, read
from premortem.domain.telling import tell
from premortem.domain.timeline import ContextBuilt, FixProposed, IncidentFact
from tests.github.state import Pull

_BODY_LINES = 22
_MARKS = {"passed": "passed", "failed": "FAILED", "not_possible": "not possible"}


class Printer:
    """Prints to a console; `begun` = the reading of `time.monotonic` that counts as zero."""

    def __init__(self, out: Console, begun: float) -> None:
        self._out, self._begun = out, begun

    def step(self, what: str) -> None:
        """Say what the demonstration itself does."""
        self._out.print(Text(f"{self._passed()}  {what}", "bold"))

    def fact(self, fact: IncidentFact) -> None:
        """Say what appeared on the timeline."""
        self._out.print(Text(f"{self._passed()}    {type(fact).__name__}: {printable(tell(fact))}"))

    def patch(self, fix: FixProposed) -> None:
        """Show the patch and what was tried on it."""
        for line in fix.patch.splitlines():
            self._out.print(Text(f"             {printable(line)}"))
        for check in fix.checks:
            said = f": {printable(check.output.splitlines()[0])}" if check.output else ""
            self._out.print(Text(f"             {check.name:16} {_MARKS[check.state]}{said}"))

    def pull_request(self, pull: Pull) -> None:
        """Show the head of the draft's text."""
        lines = (pull.body or "").splitlines()
        self._out.print(Text(f"             {'Draft: ' if pull.draft else ''}{printable(pull.title)}", "bold"))
        for line in lines[:_BODY_LINES]:
            self._out.print(Text(f"             | {printable(line)}"))
        self._out.print(Text(f"             | ... {max(0, len(lines) - _BODY_LINES)} more lines"))

    def failed_fix(self, context: ContextBuilt) -> None:
        """Show the evidence that a fix failed."""
        for evidence in context.evidence:
            if evidence.kind == "failed_fix" and (failed := read(evidence, FailedFix)) is not None:
                self._out.print(
                    Text(f"             {evidence.id} ({evidence.kind}): {printable(evidence.title)}", "bold")
                )
                self._out.print(
                    Text(f"             {failed.summary}, in {failed.release}: {printable(failed.measured)}")
                )

    def timeline(self, facts: Sequence[IncidentFact]) -> None:
        """Print the whole timeline, with each fact's time and how long after the first one it came."""
        self._out.print(Text("\nThe timeline, by the shop's clock (UTC)", "bold"))
        for fact in facts:
            at = datetime.fromtimestamp(fact.occurred_at / 1000, UTC).strftime("%H:%M:%S")
            after = (fact.occurred_at - facts[0].occurred_at) // 1000
            delay = f"+{after // 60}:{after % 60:02}"
            self._out.print(Text(f"{at} {delay:>7}  {type(fact).__name__:20} {printable(tell(fact))}"))

    def _passed(self) -> str:
        return f"{time.monotonic() - self._begun:5.1f} s"
