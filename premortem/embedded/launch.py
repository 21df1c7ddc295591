"""Start a program that dies with its parent: `python -I -S launch.py SIGNAL PARENT NICENESS PROGRAM [ARGUMENT...]`.

A script of its own, because a death signal must be asked for by the child itself after the fork, and `preexec_fn` is
not safe beside threads. It imports nothing of ours and costs about 20 ms; then it *becomes* the program (same pid).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(death_signal: int, parent: int) -> None:
    """Have the kernel send `death_signal` to this process when `parent` (a pid) dies; at once when it is dead already.

    The kernel means the *thread* that forked: start children from the main thread. The wish survives `execve` but is
    forgotten when the process changes its user, so it has to be repeated after that. Source: prctl(2).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Set the death signal and the priority, undo an inherited signal mask, and become the program."""
    death_signal, parent, niceness, *command = arguments
    die_with_parent(int(death_signal), int(parent))
    os.nice(int(niceness))
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.execv(command[0], command)  # noqa: S606 - a command of ours, no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
