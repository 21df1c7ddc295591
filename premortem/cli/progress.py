"""A bar on the terminal that shows how much of the log has been read, how fast, and how long it will take."""

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from premortem.cli.output import console


class Reading:
    """Shows (records read, records to read) on a terminal, when it takes a while."""

    def __init__(self, doing: str = "Reading the log") -> None:
        self._doing = doing

    def __enter__(self) -> "Reading":
        self._bar = Progress(
            TextColumn(self._doing),
            BarColumn(),
            _Count(),
            _Rate(),
            TimeRemainingColumn(),
            transient=True,
            console=console(),
            disable=not console().is_terminal,
        )
        self._task = self._bar.add_task("", total=None)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, of: int) -> None:
        """Show that `done` records of `of` have been read."""
        self._bar.update(self._task, completed=done, total=of)


class _Count(ProgressColumn):
    """Records read, of how many."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:,.0f} of {task.total:,.0f} records")


class _Rate(ProgressColumn):
    """Records a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} a second" if task.speed else "")
