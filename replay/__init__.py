"""Replay: the log read again from its first offset, through the same pure functions that decided live."""
