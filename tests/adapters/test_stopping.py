"""How a process of dataflows takes the signals that tell it to stop."""

import signal
import subprocess
import sys

_PROCESS = """
import time
from threading import Event
from premortem.adapters.streams.stopping import stop_on_signals

class Last:
    def __del__(self):
        print("winding down", flush=True)
        time.sleep(1)

last, stop = Last(), Event()
stop_on_signals(stop)
print("ready", flush=True)
stop.wait(120)
"""


def test_a_second_signal_while_the_interpreter_winds_down_kills_nobody() -> None:
    process = subprocess.Popen([sys.executable, "-c", _PROCESS], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        for words in ("ready\n", "winding down\n"):
            assert process.stdout.readline() == words
            process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0
