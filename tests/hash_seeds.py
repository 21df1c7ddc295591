"""A program run under several seeds of Python's string hashing: what it writes must not depend on them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def written_under(seeds: Sequence[str], program: str) -> set[bytes]:
    """Return what the program writes to stdout under each PYTHONHASHSEED, each output once."""
    root = Path(__file__).parents[1]
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            check=True,
            capture_output=True,
            cwd=root,
        ).stdout
        for seed in seeds
    }
