"""Premortem: a self-hosted incident engine for teams that use Sentry SDKs."""
