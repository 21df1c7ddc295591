"""`premortem`: the command line. Heavy imports live inside the commands, so that `--help` answers at once."""

import sys

from premortem.cli.application import app
from premortem.exceptions import PremortemException


def main() -> None:
    """Run the command line; what goes wrong is one line on stderr that says the mend, and exit code 1."""
    try:
        app()
    except PremortemException as exception:
        sys.exit(f"premortem: {exception}")
