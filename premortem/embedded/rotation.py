"""Keep the log files of children small."""

import shutil
from pathlib import Path

LIMIT_BYTES = 10 << 20
KEPT = 3


def rotate(log: Path, limit: int = LIMIT_BYTES, kept: int = KEPT) -> bool:
    """Move the content of a log larger than `limit` bytes to `log.1`, older ones to `.2` ... `.kept`; tell if it was.

    The child keeps its open file, so the content is copied and the file cut (it appends: the next line stands at the
    top). Lines written between the two are lost; the alternative, a pipe through the supervisor, would lose far more
    when the supervisor is killed, and stop a child whose pipe is full.
    """
    try:
        if log.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    for number in range(kept, 1, -1):
        older = log.with_name(f"{log.name}.{number - 1}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number}"))
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    with log.open("r+b") as file:
        file.truncate(0)
    return True
