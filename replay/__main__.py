"""`python -m replay`: the same as `premortem replay`, for whoever starts programs by their module."""

import sys
from runpy import run_module

if __name__ == "__main__":
    sys.argv.insert(1, "replay")
    run_module("premortem.cli", run_name="__main__", alter_sys=True)  # by name: it is above this room
