"""A notice as Slack's incoming webhooks take it, and what speaks like them (Mattermost, Rocket.Chat, Discord's /slack).

Titles are written by whoever can send an event: they stand in plain text, where nothing is a link or a mention.
"""

from typing import Any
from unicodedata import category

from premortem.ports import Notice

_LONGEST = 2_900
"""Letters of a text: Slack refuses a message with a block of more than 3,000."""
_LONGEST_URL = 2_000
_ICONS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "⚪"}


def message(notice: Notice) -> dict[str, Any]:
    """Return the JSON of a message."""
    whose = f" (owner: {notice.owner})" if notice.owner else ""
    plain = _plain(f"{_ICONS.get(notice.severity, '')} {notice.text} {notice.title}{whose}")
    buttons = [
        {"type": "button", "text": {"type": "plain_text", "text": label}, "url": url}
        for label, url in (("Incident", notice.url), ("Event", notice.origin_url or ""))
        if url.startswith(("https://", "http://")) and len(url) <= _LONGEST_URL
    ]
    return {
        "text": _escaped(plain),
        "blocks": [
            {"type": "section", "text": {"type": "plain_text", "text": plain, "emoji": False}},
            *([{"type": "actions", "elements": buttons}] if buttons else []),
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _escaped(text: str) -> str:
    """Return the text without Slack's control characters: `<!channel>` and `<http://...|...>` are then just letters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """Return one line without marks that cannot be seen, such as those that turn the direction of what follows."""
    seen = "".join(" " if char.isspace() else char for char in text if char.isspace() or category(char)[0] != "C")
    return " ".join(seen.split())[:_LONGEST]
