"""Sentry's wire formats, pure: bytes in, values out; no input or output, no clock."""
