"""Ports of 127.0.0.1 that nobody takes before the one who asked: below those that the system hands out by itself.

A port that the system gave, and that was closed again, may be given to another program before a server has started on
it. These come one after another, from a place of each process's own.
"""

import itertools
import os
import socket

_FIRST, _COUNT = 12_000, 16_000
_numbers = itertools.count(os.getpid() * 1009)


def free_port() -> int:
    """Return a port that nothing listens on, and that is returned only once."""
    for number in _numbers:
        port = _FIRST + number % _COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("there is always another one")
