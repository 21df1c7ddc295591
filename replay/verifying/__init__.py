"""Verifying one incident: everything of it that can be computed again is, and is compared with what is written."""
