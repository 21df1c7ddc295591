"""Agents: small repositories with a real bug each, the traffic that raises it, and what the analysts make of it."""
