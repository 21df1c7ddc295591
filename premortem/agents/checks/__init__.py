"""Checks of a patch before anybody is shown it. What can be told from the texts alone is told here, purely."""
