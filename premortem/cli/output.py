"""Printing: rich tables and progress for a person, JSON for a program."""

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Tenant = Annotated[str, typer.Option("--tenant", help="Whose it is.")]
DEFAULT_TENANT = "default"
_PLAIN_COLUMNS = 10_000


def json_option(shape: str) -> Any:
    """Return the option `--json` of a command whose document has this shape; `--help` shows it."""
    return typer.Option("--json", help=f"Print JSON for a program: {shape}")


def console() -> Console:
    """Return the console of a person; no colours and no cursor movements when stdout is not a terminal.

    Where nobody looks at the width no line is folded or cut: what reads it wants the whole DSN.
    """
    width = None if sys.stdout.isatty() else _PLAIN_COLUMNS
    return Console(highlight=False, emoji=False, width=width, soft_wrap=width is not None)


def print_json(value: Any) -> None:
    """Print `value` as one JSON document."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def say(told: dict[str, object], text: str, as_json: bool) -> None:
    """Say what a command did: the document for a program, or the sentence for a person, as text and never as markup."""
    if as_json:
        print_json(told)
    else:
        console().print(text, markup=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows as a table, or `empty` when there is none. Text from events is shown as text, never as markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
        count += 1
    if count:
        console().print(table)
    else:
        console().print(empty)


def printable(text: str) -> str:
    """Return `text` without control characters: an event's title must not drive somebody's terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)
