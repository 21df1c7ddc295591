"""`python -m dataflows`: all four dataflows in one process; SIGTERM ends them cleanly.

A dataflow that fails takes the process with it, exit code 1: the supervisor starts all of them from their checkpoints.
"""

import logging
import os
import sys
from threading import Event

from dataflows.launch import wire
from dataflows.together import run_together
from premortem.adapters.streams.parts import FLOWS
from premortem.adapters.streams.stopping import stop_on_signals
from premortem.exceptions import PremortemException
from premortem.settings import Settings


def main() -> None:
    """Run until SIGTERM or SIGINT, or until a dataflow fails."""
    settings, stop = Settings(), Event()
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop_on_signals(stop)
    try:
        wiring = wire(settings, stop)
        code = run_together([wiring.dataflow(flow) for flow in FLOWS], stop)
    except PremortemException as exception:
        sys.exit(f"premortem dataflows: {exception}")
    logging.shutdown()
    os._exit(code)


if __name__ == "__main__":
    main()
