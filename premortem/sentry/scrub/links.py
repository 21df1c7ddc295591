"""Links that people will follow: without the user's name and password, and without secrets in the query."""

import re

from premortem.sentry.scrub.marks import Mark
from premortem.sentry.scrub.parameters import redact_whole

_USER = re.compile(r"(https?://)[^/?#\s]*@", re.IGNORECASE)


def redact_link(url: str, mark: Mark) -> str:
    """Return the URL without what stands before an `@` in its host, which no link needs, and with secrets marked."""
    host = _USER.match(url)
    return redact_whole(url if host is None else host[1] + url[host.end() :], mark)
