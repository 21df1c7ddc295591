"""`premortem`: the command line. Heavy imports live inside the commands, so that `--help` answers at once."""

import logging
import sys

from pydantic import ValidationError

from premortem.cli.application import app
from premortem.domain.versions import Newer
from premortem.exceptions import PremortemException


def main() -> None:
    """Run the command line; what goes wrong is one line on stderr that says the mend, and exit code 1."""
    if not all(_is_text(argument) for argument in sys.argv):
        sys.exit("premortem: an argument is not text in UTF-8. Write it in UTF-8.")
    logging.basicConfig(level=logging.CRITICAL)  # libraries that retry say so line by line; the exception says it once
    try:
        app()
    except (PremortemException, Newer) as exception:
        sys.exit(f"premortem: {exception}")
    except OSError as exception:
        sys.exit(f"premortem: {exception.filename}: {exception.strerror}. Is PREMORTEM_DATA_DIR right, and yours?")
    except ValidationError as exception:  # of the settings: nothing else is validated here
        wrong = [f"PREMORTEM_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exception.errors()]
        sys.exit(f"premortem: {'; '.join(wrong)}. Mend the setting; .env.example lists them all.")


def _is_text(argument: str) -> bool:
    """Tell whether the argument came as UTF-8; Python hands over other bytes as lone surrogates."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True
