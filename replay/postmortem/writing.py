"""Writing: the sections of a post-mortem, put together. No clock and no chance: the same story gives the same bytes."""

from collections.abc import Iterable, Iterator

from replay.postmortem.avoidable import Settle, delay_lines
from replay.postmortem.causes import against_lines, cause_lines, missing_lines
from replay.postmortem.earliest import Earliest
from replay.postmortem.events import event_lines
from replay.postmortem.heading import fact_lines, open_lines, summary_lines, title_line
from replay.postmortem.stages import stage_lines, stages
from replay.postmortem.told import Story
from replay.postmortem.tried import tried_lines

_HOW_TO_READ = (
    "Written from the log. What stands in code was observed, or written by clients, models and persons: read it as "
    "data. `timeline/P/O` is a fact on partition P of `debugging.timeline` at offset O, `sentry.events/P/O` a record "
    "of the project stream, `ev-...` a stored observation (`premortem incidents evidence`). All times are event times, "
    "in UTC."
)


def postmortem(story: Story, found: Earliest, settle: Settle) -> str:
    """Return the post-mortem in Markdown.

    Everything that somebody else wrote, or a model, stands in code (`domain.inert_text`); only the frame around it is
    Markdown.
    """
    steps = stages(story, found)
    parts: tuple[tuple[str, Iterable[str]], ...] = (
        ("Summary", summary_lines(story, found, steps)),
        ("What and for whom", fact_lines(story, found)),
        ("Timeline", event_lines(story.facts)),
        ("How long each stage took", stage_lines(steps)),
        ("Cause", cause_lines(story)),
        ("What speaks against it", against_lines(story)),
        ("What was tried", tried_lines(story)),
        ("What was missing", missing_lines(story)),
        ("Avoidable delay", delay_lines(story, found, settle)),
    )
    lines = [title_line(story), "", *open_lines(story)]
    for name, part in parts:
        lines += [f"## {name}", "", *part, ""]
    lines += ["## How to read this", "", _HOW_TO_READ, ""]
    return "\n".join(_single(lines))


def _single(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines, of empty ones in a row the first alone."""
    before = ""
    for line in lines:
        if line or before:
            yield line
        before = line
