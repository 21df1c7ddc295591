"""Run the server: `python -m premortem.embedded.clickhouse --path DIR --host 127.0.0.1 --port N`.

The password of the user `default` comes from PREMORTEM_CLICKHOUSE_PASSWORD (empty = none). Port 0 takes a free one; the
address is printed when the server answers. SIGTERM and SIGINT end it within three seconds.
"""

import argparse
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

import uvicorn

from premortem.embedded.clickhouse.app import ClickHouseApp
from premortem.embedded.clickhouse.engine import Engine
from premortem.embedded.clickhouse.request import Limits
from premortem.exceptions import Conflict

_CLOSE_SECONDS = 1.0


def main() -> NoReturn:
    """Serve until a signal; then, or when it cannot, end the process."""
    arguments = _arguments()
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(message)s")
    try:
        engine = Engine(arguments.path)
        listener = _listen(arguments.host, arguments.port)
    except Conflict as problem:
        print(f"premortem: {problem}", file=sys.stderr)
        sys.exit(1)
    app = ClickHouseApp(engine, os.environ.get("PREMORTEM_CLICKHOUSE_PASSWORD", ""), Limits(seconds=arguments.seconds))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            date_header=False,
            backlog=256,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
    )
    host, port = listener.getsockname()[:2]
    print(f"ClickHouse {engine.version} on http://{host}:{port}", flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn sends itself the signal again once it has ended
    server.run(sockets=[listener])
    app.stop()
    _close(engine)


def _close(engine: Engine) -> NoReturn:
    """Close the engine; when a statement will not end, leave without it: what was acknowledged is on disk."""
    closing = threading.Thread(target=engine.close, daemon=True)
    closing.start()
    closing.join(_CLOSE_SECONDS)
    logging.shutdown()
    # Worker threads may still be inside the engine, and the interpreter would wait for them at its end.
    sys.stdout.flush()
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="premortem.embedded.clickhouse", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="directory of the database")
    parser.add_argument("--host", default="127.0.0.1", type=_loopback, help="a loopback address")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--seconds", type=float, default=30, help="deadline of a query that names none")
    return parser.parse_args()


def _loopback(host: str) -> str:
    """Refuse to be reached from elsewhere: the engine reads files and URLs for whoever may ask it."""
    if not ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback:
        raise argparse.ArgumentTypeError("only a loopback address; put a real ClickHouse server on the network instead")
    return host


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket. Its protocol is named: asyncio switches Nagle off (40 ms an answer) only then."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
    except OSError as problem:
        raise Conflict(f"Cannot listen on {host}:{port}: {problem.strerror}. Choose another port.") from problem
    return listener


if __name__ == "__main__":
    main()
