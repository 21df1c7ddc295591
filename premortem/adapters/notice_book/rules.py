"""What a target of notices has to be."""

from urllib.parse import urlsplit

from premortem.adapters.notifier.signing import key_of
from premortem.exceptions import Malformed
from premortem.ports import NotificationTarget


def check_target(target: NotificationTarget) -> None:
    """Raise Malformed, with the mend, unless the URL is one of HTTP and a webhook has a secret."""
    try:
        parts = urlsplit(target.url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and len(target.url) <= 2_000
    except ValueError:
        valid = False
    if not valid:
        raise Malformed("a notification target is an https:// URL.")
    if target.kind == "webhook" and not target.secrets:
        raise Malformed("a webhook needs a secret that signs it.")
    for secret in target.secrets:
        key_of(secret)
