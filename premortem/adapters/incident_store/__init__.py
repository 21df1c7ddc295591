"""Incident stores: what `materialize` writes and people read."""
