"""Tell early, and by the name of the setting, that a port is taken."""

import errno
import socket
import time
from collections.abc import Mapping

from premortem.exceptions import Conflict


def check_free(http_host: str, ports: Mapping[str, int], patience_seconds: float = 3.0) -> None:
    """Return when all ports (by name of setting) can be listened on; the http one on `http_host`, others on loopback.

    Waits a little, because a stack that was killed needs a moment to die. Raises Conflict.
    """
    deadline = time.monotonic() + patience_seconds
    for name, port in ports.items():
        host = http_host if name == "http_port" else "127.0.0.1"
        while problem := _obstacle(host, port):
            if time.monotonic() > deadline:
                raise Conflict(
                    f"Port {port} on {host} cannot be used ({problem}). "
                    f"End what listens there, or set PREMORTEM_{name.upper()} to another port."
                )
            time.sleep(0.05)


def _obstacle(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            return errno.errorcode.get(problem.errno or 0, str(problem))
    return None
