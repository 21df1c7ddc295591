"""Repositories, read at commits, and throw-away checkouts of them: the port SourceCode."""
