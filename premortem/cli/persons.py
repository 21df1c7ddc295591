"""Commands for the erasure of a person's data."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal

import typer

from premortem.cli.output import console, json_option, print_json
from premortem.exceptions import Malformed
from premortem.settings import Settings

Field = Literal["id", "email", "username", "ip_address"]


def user_hash(
    value: Annotated[str, typer.Argument(help="What the SDKs send of the person.")],
    by: Annotated[Field, typer.Option(help="As which field of `user`. An event is known by the first it has.")] = "id",
    as_json: Annotated[bool, json_option('{"user_hash"}')] = False,
) -> None:
    """Print the keyed hash that stands for a person on the log and in the archive."""
    from premortem import bootstrap
    from premortem.sentry.event_payload import user_hash as hash_of
    from premortem.sentry.scrub import scrub

    salt = bootstrap.salt(Settings(), make=False)
    scrubbed, _ = scrub({"user": {by: value}}, salt=salt)  # as ingest does, which hides addresses before it hashes
    found = hash_of(scrubbed["user"], salt)
    if found is None:
        raise Malformed("an empty value is nobody. Give the value that the SDKs send.")
    if as_json:
        print_json({"user_hash": found})
    else:
        console().print(found)


def forget_bodies(
    before: Annotated[
        datetime, typer.Argument(formats=["%Y-%m-%d"], help="A day in UTC; tomorrow's drops all bodies.")
    ],
    as_json: Annotated[bool, json_option('{"dropped"}')] = False,
) -> None:
    """Drop the bodies of events from the log, of all days before one; refused while the archive still needs them."""
    from premortem import bootstrap

    day: date = before.date()
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    dropped = bootstrap.forget_bodies(Settings(), midnight)
    if as_json:
        print_json({"dropped": dropped})
    else:
        console().print(f"Dropped {dropped} bodies recorded before {day:%Y-%m-%d}.")
