"""What a patch brings that it may not: secrets, addresses, new dependencies, and code that runs code."""

import re
from collections.abc import Sequence

from premortem.agents.checks.python_code import imported
from premortem.agents.checks.texts import Changed
from premortem.domain.evidence import Check, Evidence
from premortem.sentry.scrub import Marker
from premortem.sentry.scrub.text import redact

_ADDRESS = re.compile(
    r"(?i)\b(?:https?|ftp|wss?|file|ssh|git|jdbc|redis|amqp|postgres(?:ql)?|mysql)://|\b(?:\d{1,3}\.){3}\d{1,3}\b"
)
_RUNS_CODE = re.compile(
    r"\b(?:eval|exec|compile|__import__|execfile|system|popen|Popen|spawn[lv]?[pe]?|execv[pe]?|fork|ctypes|marshal|pickle"
    r"|subprocess|child_process|importlib|b64decode|frombase64|atob|Function|unserialize|shell_exec|passthru"
    r"|XMLHttpRequest|fetch|urlopen|requests|httpx|socket|curl)\b"
)
_LONG_LITERAL = re.compile(r"['\"`][A-Za-z0-9+/=_-]{60,}['\"`]")
_SPACE = re.compile(r"\s+")
_LONG_WORD = re.compile(r"[A-Za-z0-9_./@:-]{8,}")
_LITERAL = re.compile(r"['\"`]([^'\"`]{8,})['\"`]")
_LEAST_PHRASE = 8
_OF_CODE = frozenset({"code", "blame"})
_IMPORT = re.compile(
    r"^\s*(?:import\s|from\s+\S+\s+import\b|#include|using\s|require\b|extern\s+crate|use\s+\S+;|const .*=\s*require\()"
)


def no_secrets(changes: Sequence[Changed]) -> Check:
    """Return whether no added line holds what looks like a secret."""
    found = [
        change.path
        for change in changes
        if any(redact(line, Marker(b""), code=True) != line for line in change.added())
    ]
    said = f"what looks like a secret is added in {', '.join(found)}" if found else ""
    return Check(name="secrets", state="failed" if found else "passed", output=said)


def nothing_foreign(changes: Sequence[Changed]) -> Check:
    """Return whether no added line reaches out, runs code, or brings a module that the file did not have."""
    found: list[str] = []
    for change in changes:
        before = change.before or ""
        for line in change.added():
            for what, pattern in (("an address", _ADDRESS), ("code that runs code or reaches out", _RUNS_CODE),
                                  ("a long literal", _LONG_LITERAL)):  # fmt: skip
                match = pattern.search(line)
                if match and match[0] not in before:
                    found.append(f"{change.path} adds {what}: {match[0][:40]!r}")
        found += _new_imports(change)
    return Check(name="nothing foreign", state="failed" if found else "passed", output="; ".join(found[:10]))


def nothing_from_texts(changes: Sequence[Changed], evidence: Sequence[Evidence]) -> Check:
    """Return whether no added line holds a word or a phrase that stands in a client's or a committer's text alone."""
    texts = " ".join(_SPACE.sub(" ", each.result.replace('\\"', '"')) for each in evidence if each.untrusted)
    code = " ".join(each.before or "" for each in changes)
    trusted = " ".join(each.result for each in evidence if each.kind in _OF_CODE) + code
    found: list[str] = []
    for change in changes:
        for line in change.added():
            phrases = [*_LONG_WORD.findall(line), *_LITERAL.findall(line), _SPACE.sub(" ", line).strip()]
            found += [f"{change.path} adds {phrase[:60]!r}" for phrase in phrases
                      if len(phrase) >= _LEAST_PHRASE and phrase in texts and phrase not in trusted]  # fmt: skip
    said = "; ".join(dict.fromkeys(found[:10]))
    return Check(name="nothing from texts", state="failed" if found else "passed", output=said)


def _new_imports(change: Changed) -> list[str]:
    if change.path.endswith(".py"):
        new = sorted(imported(change.after or "") - imported(change.before or "") - {"logging"})
        return [f"{change.path} imports {name}" for name in new]
    before = {line.strip() for line in (change.before or "").splitlines()}
    return [f"{change.path} brings {line.strip()[:60]!r}" for line in change.added()
            if _IMPORT.match(line) and line.strip() not in before]  # fmt: skip
