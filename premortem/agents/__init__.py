"""Agents: from a task and its evidence to a fact. Each is a function of what is stored and of the ports it is given."""
