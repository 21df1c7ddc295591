"""The supervisor over real processes."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.ports import free_port

STAYS = "import time\nprint('up', flush=True)\ntime.sleep(1000)\n"
IGNORES_SIGTERM = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAYS
HAS_A_CHILD = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
pathlib.Path(os.environ["STAGE"], "grandchild").write_text(str(child.pid))
time.sleep(1000)
"""
FAILS = "import sys\nprint('no luck', flush=True)\nsys.exit(3)\n"


def test_a_killed_child_comes_back_and_the_status_says_how_it_ended(stage: Any) -> None:
    stage.program("stays", STAYS)
    stage.supervise("Child(name='a', module='stays')")
    first = stage.running("a")
    os.kill(first, signal.SIGKILL)
    stage.eventually(lambda: stage.child("a").pid not in (first, None))
    child = stage.child("a")
    assert (child.restarts, child.last_exit) == (1, "signal 9")


def test_what_a_killed_child_leaves_behind_is_ended(stage: Any) -> None:
    stage.program("parent", HAS_A_CHILD)
    stage.supervise("Child(name='a', module='parent')")
    note = stage.here / "grandchild"
    stage.eventually(lambda: note.exists() and note.read_text() != "")
    grandchild = int(note.read_text())
    assert stage.lives(grandchild)
    os.kill(stage.running("a"), signal.SIGKILL)
    stage.eventually(lambda: not stage.lives(grandchild))


def test_every_child_dies_when_the_supervisor_is_killed(stage: Any) -> None:
    stage.program("stays", IGNORES_SIGTERM)
    supervisor = stage.supervise("Child(name='a', module='stays'), Child(name='b', module='stays')")
    pids = [stage.running("a"), stage.running("b")]
    supervisor.kill()
    supervisor.wait()
    stage.eventually(lambda: not any(stage.lives(pid) for pid in pids))


def test_children_stop_before_what_they_were_started_after(stage: Any) -> None:
    stage.program(
        "notes",
        "import os, pathlib, signal, sys, time\n"
        "def stop(*_):\n"
        "    with pathlib.Path(os.environ['STAGE'], 'order').open('a') as f: f.write(sys.argv[1])\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "pathlib.Path(os.environ['STAGE'], 'up-' + sys.argv[1]).touch()\n"
        "while True: time.sleep(1000)\n",
    )
    supervisor = stage.supervise(
        "Child(name='base', module='notes', args=('3',)),"
        "Child(name='middle', module='notes', args=('2',), after=('base',)),"
        "Child(name='top', module='notes', args=('1',), after=('middle',))"
    )
    stage.eventually(lambda: all((stage.here / f"up-{number}").exists() for number in (1, 2, 3)))
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert (stage.here / "order").read_text() == "123"


def test_a_child_that_will_not_stop_is_killed_in_time(stage: Any) -> None:
    stage.program("deaf", IGNORES_SIGTERM)
    supervisor = stage.supervise("Child(name='a', module='deaf', stop_seconds=4.5)")
    pid = stage.running("a")
    stage.eventually(lambda: "up" in (stage.here / "logs" / "a.log").read_text())
    started = time.monotonic()
    supervisor.send_signal(signal.SIGTERM)
    supervisor.wait(60)
    assert 4.4 < time.monotonic() - started < 30  # by default it would have three
    assert not stage.lives(pid)


def test_a_failing_child_is_tried_again_later_and_later_and_its_words_are_kept(stage: Any) -> None:
    stage.program("fails", FAILS)
    stage.supervise("Child(name='a', module='fails')")
    stage.eventually(lambda: stage.child("a").restarts >= 3)
    assert stage.child("a").last_exit == "exit 3"
    assert (stage.here / "logs" / "a.log").read_text().count("no luck") >= 3
    words = (stage.here / "logs" / "supervisor.log").read_text()
    assert words.index("next try in 0.2 s") < words.index("next try in 0.4 s") < words.index("next try in 0.8 s")


def test_a_step_runs_once_and_what_needs_it_waits_for_its_success(stage: Any) -> None:
    stage.program("stays", STAYS)
    stage.program(
        "second_time_lucky",
        "import os, pathlib, sys\n"
        "tried = pathlib.Path(os.environ['STAGE'], 'tried')\n"
        "if not tried.exists():\n    tried.touch()\n    sys.exit('not yet')\n",
    )
    stage.supervise(
        "Child(name='step', module='second_time_lucky', once=True), Child(name='a', module='stays', after=('step',))"
    )
    stage.running("a")
    step = stage.child("step")
    assert (step.state, step.restarts, step.last_exit) == ("done", 1, "exit 0")


def test_a_child_does_not_wait_for_ever_for_what_it_only_wishes_for(stage: Any) -> None:
    stage.program("stays", STAYS)
    stage.program("fails", FAILS)
    stage.supervise(
        "Child(name='never', module='fails', once=True),"
        "Child(name='a', module='stays', after_if_soon=('never',), patience_seconds=4)"
    )
    stage.eventually(lambda: stage.child("never").restarts >= 1)
    assert stage.child("a").state == "waiting"
    stage.running("a")


def test_a_child_that_does_not_get_ready_is_ended_and_tried_again(stage: Any) -> None:
    stage.program("stays", STAYS)
    stage.supervise("Child(name='a', module='stays', ready=lambda pid: False, ready_seconds=0.3)")
    stage.eventually(lambda: stage.child("a").restarts >= 1)
    assert stage.child("a").last_exit == "signal 9"


def test_a_child_that_nobody_can_ask_is_ready_when_it_has_lived_a_while(stage: Any) -> None:
    stage.program("short", "import time\ntime.sleep(0.1)\n")
    stage.program("stays", STAYS)
    stage.supervise(
        "Child(name='short', module='short', settle_seconds=4), Child(name='long', module='stays', settle_seconds=4)"
    )
    stage.eventually(lambda: stage.child("short").restarts >= 1)
    assert stage.child("long").state == "starting"
    stage.running("long")
    assert "short: ready" not in (stage.here / "logs" / "supervisor.log").read_text()


def test_a_url_tells_readiness_and_no_proxy_is_asked(stage: Any) -> None:
    port = free_port()
    stage.supervise(
        f"Child(name='a', module='http.server', args=('{port}', '--bind=127.0.0.1'), ready='http://127.0.0.1:{port}/')",
        http_proxy="http://127.0.0.1:9",
    )
    stage.running("a")


def test_an_earlier_supervisors_status_is_not_taken_for_todays(stage: Any) -> None:
    stage.program("stays", STAYS)
    supervisor = stage.supervise("Child(name='a', module='stays')")
    stage.running("a")
    supervisor.kill()
    supervisor.wait()
    stage.supervise("Child(name='a', module='stays', after=('b',)), Child(name='b', module='stays')")
    assert stage.child("a").state == "waiting"


def test_children_start_with_no_signal_blocked(stage: Any) -> None:
    stage.program(
        "mask",
        "import os, pathlib, time\n"
        "text = next(l for l in open('/proc/self/status') if l.startswith('SigBlk'))\n"
        "pathlib.Path(os.environ['STAGE'], 'mask').write_text(text)\n"
        "time.sleep(1000)\n",
    )
    stage.supervise("Child(name='a', module='mask')")
    mask = Path(stage.here, "mask")
    stage.eventually(lambda: mask.exists() and mask.read_text() != "")
    assert int(mask.read_text().split()[1], 16) == 0
