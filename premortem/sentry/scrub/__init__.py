"""Scrubbing: secrets are taken out, by key and by value, before anything is durable; a mark stays where one was.

`[Filtered:kind]` says what was there; with a salt, `[Filtered:kind:1a2b3c4d]` also lets equal secrets be recognised.
"""

from premortem.sentry.scrub.marks import Mark, Marker
from premortem.sentry.scrub.walk import scrub

__all__ = ["Mark", "Marker", "scrub"]
