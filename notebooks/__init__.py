"""Notebooks for the analyst. They need the extra `notebook`; nothing that runs in production imports from here."""
