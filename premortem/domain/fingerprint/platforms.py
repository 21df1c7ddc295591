"""Families of platforms: which of them name their functions and files alike."""

_FAMILIES = {
    **dict.fromkeys(("objc", "cocoa", "swift", "native", "c", "rust"), "native"),
    **dict.fromkeys(("javascript", "node"), "javascript"),
}
CONTEXT_LINE_PLATFORMS = frozenset(("javascript", "node", "python", "php", "ruby"))
"""Platforms whose source lines, as sent, can be trusted to be the ones that ran."""


def family(platform: str | None) -> str:
    """Return `native`, `javascript` or `other`."""
    return _FAMILIES.get(platform or "", "other")
