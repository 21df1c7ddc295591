"""`premortem rebuild positions`: where the dataflows stand, and the state that they had there."""

from typing import Annotated

import msgspec

from premortem.cli.output import console, json_option, print_json
from premortem.settings import Settings


def positions(as_json: Annotated[bool, json_option('{"made", "archive": [{"partition", "offset"}]}')] = False) -> None:
    """Make the tables anew that hold how far the dataflows have come, empty: they begin at the first record of the log.

    They come to the same incidents and send no task twice. `archive` begins where retention has left the log; so it
    does where it stood before that, without any loss of a table.
    """
    from premortem import bootstrap

    found = bootstrap.remake_positions(Settings())
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    out = console()
    out.print(f"Made anew: {', '.join(found.made)}." if found.made else "No table was missing.")
    if found.made:
        out.print("The dataflows begin at the first record; premortem doctor tells when they have caught up.")
    for begin in found.archive:
        where = f"offset {begin.offset:,} of partition {begin.partition}"
        out.print(f"archive begins at {where}: retention has taken what came before.")
