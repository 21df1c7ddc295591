"""A notice as Slack's incoming webhooks take it, and what speaks like them (Mattermost, Rocket.Chat, Discord's /slack).

Titles are written by whoever can send an event: they stand in plain text, where nothing is a link or a mention.
"""

from typing import Any

from premortem.ports import Notice

_LONGEST = 2_000
_ICONS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "⚪"}


def message(notice: Notice) -> dict[str, Any]:
    """Return the JSON of a message."""
    buttons = [("Incident", notice.url)]
    if notice.origin_url:
        buttons.append(("Event", notice.origin_url))
    plain = f"{_ICONS.get(notice.severity, '')} {notice.text} {_cut(notice.title)}".strip()
    return {
        "text": _escaped(plain),
        "blocks": [
            {"type": "section", "text": {"type": "plain_text", "text": plain, "emoji": False}},
            {
                "type": "actions",
                "elements": [
                    {"type": "button", "text": {"type": "plain_text", "text": label}, "url": url}
                    for label, url in buttons
                ],
            },
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _escaped(text: str) -> str:
    """Return the text without Slack's control characters: `<!channel>` and `<http://...|...>` are then just letters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
