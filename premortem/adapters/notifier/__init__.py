"""Notifiers: how somebody is told."""
