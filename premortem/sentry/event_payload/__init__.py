"""Event payloads: what Relay would make of an event, as JSON to keep and as a typed ErrorEvent to work with."""

from premortem.sentry.event_payload.normalise import event_id_of, normalise, tag_hash, user_hash

__all__ = ["event_id_of", "normalise", "tag_hash", "user_hash"]
