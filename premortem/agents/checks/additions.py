"""What a patch brings that it may not: secrets, addresses, new dependencies, and code that runs code."""

import re
from collections.abc import Sequence

from premortem.agents.checks.python_code import compiled, imported, parsed
from premortem.agents.checks.texts import Changed
from premortem.domain.evidence import Check, Evidence
from premortem.sentry.scrub import Marker
from premortem.sentry.scrub.text import redact

_ADDRESS = re.compile(
    r"""(?ix)[a-z][a-z0-9+.-]{1,15}:(?://|\\\\)[^\s'"`<>]* | (?<=['"`(=])//[^\s'"`<>]* | \bjavascript:
    | \bwww\.[^\s'"`<>]+ | \b(?:\d{1,3}\.){3}\d{1,3}\b | ['\"`]\[?[0-9a-f:]{0,40}::[0-9a-f:]{1,40}\]?['\"`]
    | (?<=['"`])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|io|dev|app|co|cc|ru|cn|xyz|top|site|online|example)\b"""
)
"""Compared whole: an address elsewhere on a host that the file knows is another address."""
_RUNS_CODE = re.compile(
    r"\b(?:eval|exec|compile|execfile|system|popen\w*|Popen|spawn\w*|execv\w*|fork\w*|_exit|ctypes|marshal|pickle"
    r"|subprocess|child_process|importlib|runpy|codecs|b64decode|frombase64|fromhex|atob|Function|unserialize"
    r"|shell_exec|passthru|proc_open|call_user_func\w*|XMLHttpRequest|WebSocket|EventSource|sendBeacon|fetch|urlopen"
    r"|requests|httpx|socket|curl\w*|innerHTML|outerHTML|insertAdjacentHTML|globalThis|instance_eval|class_eval"
    r"|module_eval|ProcessBuilder|getRuntime|forName|create_subprocess\w*|startfile|rmtree|os\.remove|dictConfig|fileConfig"
    r"|settrace|setprofile|globals|locals|setattr|delattr|builtins|modules|environ"
    r"|__(?:import|builtins?|class|bases?|mro|subclasses|globals|code|closure|dict|loader|spec|reduce\w*|self|func)__)\b"
    r"|\b(?:open|vars|send|constructor|binding|breakpoint|input|unlink|setTimeout|setInterval)\s*\("
    r"|\bgetattr\b(?!\(\s*[\w.]+\s*,\s*['\"][a-z]\w*['\"]\s*[,)])|\bAssembly\.|\bProcess\.|::Command\b|\bTO\s+PROGRAM\b"
    r"|%x[({\[]|<script|\bdocument\.write|\.src\s*="
)
"""Compared as whole words: `eval` stands in no `evaluate`."""
_LONG_LITERAL = re.compile(r"['\"`][A-Za-z0-9+/=_-]{60,}['\"`]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
"""Code that is read in another order than it runs in: Boucher and Anderson, Trojan Source, 2021."""
_SPACE = re.compile(r"\s+")
_LONG_WORD = re.compile(r"[A-Za-z0-9_./@:-]{8,}")
_LITERAL = re.compile(r"['\"`]([^'\"`]{8,})['\"`]")
_LEAST_PHRASE = 8
_OF_CODE = frozenset({"code", "blame"})
_IMPORT = re.compile(
    r"^\s*(?:import\b|from\s+\S+\s+import\b|#\s*include|using\s|extern\s+crate|(?:pub\s+)?(?:use|mod)\s+\S+;|load\s"
    r"|include(?:_once)?\b|export\s.*\bfrom\b)|\brequire(?:_once|_relative)?\b|\bimport\s*\("
)

_OF_LANGUAGE = {
    ".go": re.compile(r'^\s*(?:[\w.]+\s+)?"[\w.-]+(?:/[\w.-]+)*"\s*$'),
    ".rb": re.compile(r"`"),
    ".php": re.compile(r"`|\$\w+\(|\bassert\s*\("),
}
"""What imports or runs a program in one language alone, by the end of the file's name."""

_FOREIGN = (
    ("an address", _ADDRESS),
    ("code that runs code or reaches out", _RUNS_CODE),
    ("a long literal", _LONG_LITERAL),
    ("a letter that cannot be seen", _UNSEEN),
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
        for what, pattern in _FOREIGN:
            there = {match[0] for match in pattern.finditer(before)}
            for line in change.added():
                new = [match[0] for match in pattern.finditer(line) if match[0] not in there]
                found += [f"{change.path} adds {what}: {each[:40]!a}" for each in new]
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
    if change.path.casefold().endswith((".py", ".pyi")):
        before, after = parsed(change.before or ""), parsed(change.after or "")
        if after is None:  # what is no Python at all is said by the check that it parses
            unread = f"{change.path} is too long or nested too deeply to tell what it imports"
            return [unread] if compiled(change.after or "") else []
        new = sorted(imported(after) - (imported(before) if before else set()) - {"logging"})
        return [f"{change.path} imports {name}" for name in new]
    known = {line.strip() for line in (change.before or "").split("\n")}
    own = _OF_LANGUAGE.get(f".{change.path.rpartition('.')[2].casefold()}", _IMPORT)
    return [f"{change.path} brings {line.strip()[:60]!r}" for line in change.added()
            if (_IMPORT.search(line) or own.search(line)) and line.strip() not in known]  # fmt: skip
