"""Adapters of `ports.CodeHost`."""
