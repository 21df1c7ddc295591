"""Tracers: where the steps of agents are shown."""
