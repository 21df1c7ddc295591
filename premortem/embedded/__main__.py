"""Run the one-machine stack in the foreground until SIGTERM: `python -m premortem.embedded`."""

import sys

from premortem.embedded import stack
from premortem.exceptions import PremortemException
from premortem.settings import Settings


def main() -> None:
    """Run; an expected failure is one line and exit 1."""
    settings = Settings()
    stack.configure_logging(settings.log_level)
    try:
        stack.run(settings)
    except PremortemException as problem:
        sys.exit(f"premortem: {problem}")


if __name__ == "__main__":
    main()
