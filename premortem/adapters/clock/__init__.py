"""Clocks: the system's own, and a scaled one for demonstrations and tests."""
