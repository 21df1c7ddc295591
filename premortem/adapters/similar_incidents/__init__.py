"""Incidents by what their stacks look like: the port SimilarIncidents."""
