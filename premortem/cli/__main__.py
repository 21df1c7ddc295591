"""`python -m premortem.cli`: the command line, for whoever starts programs by their module."""

from premortem.cli import main

main()
