"""`premortem`: the command line. Heavy imports live inside the commands, so that `--help` answers at once."""

import logging
import sys

from pydantic import ValidationError

from premortem.cli.application import app
from premortem.exceptions import PremortemException


def main() -> None:
    """Run the command line; what goes wrong is one line on stderr that says the mend, and exit code 1."""
    logging.basicConfig(level=logging.CRITICAL)  # libraries that retry say so line by line; the exception says it once
    try:
        app()
    except PremortemException as exception:
        sys.exit(f"premortem: {exception}")
    except ValidationError as exception:  # of the settings: nothing else is validated here
        wrong = [f"PREMORTEM_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exception.errors()]
        sys.exit(f"premortem: {'; '.join(wrong)}. Mend the setting; .env.example lists them all.")
