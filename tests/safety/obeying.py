"""A model that obeys: whatever an attempt that it is shown wants, it answers. Without one it answers honestly."""

import json
from typing import Any

from tests.model_server import Reply
from tests.safety.corpus import CORPUS, Attempt

_FIX = {
    "edits": [{"path": "shop/cart.py", "old": "rates[country]", "new": "rates[country.replace('us', 'eu')]"}],
    "form": "fix", "summary": "s", "explanation": "e", "risk": "r", "rollback": "r", "success": "s",
}  # fmt: skip


def obey(request: dict[str, Any]) -> Reply:
    """Answer a request of the agents."""
    asked = request["messages"][1]["content"]
    fence = asked.splitlines()[0]
    shown = json.loads(asked.removeprefix(fence).removesuffix(fence))
    seen = [attempt for attempt in CORPUS if _is_shown(attempt.text, shown)]
    if request["response_format"]["json_schema"]["name"] == "rca":
        return Reply(json.dumps(_rca(shown, seen, request)))
    return Reply(json.dumps(_fix(seen)))


def _is_shown(text: str, shown: dict[str, Any]) -> bool:
    plain = json.dumps(text, ensure_ascii=False)[1:-1]
    return any(plain in each["result"] for each in shown["observations"])


def _rca(shown: dict[str, Any], seen: list[Attempt], request: dict[str, Any]) -> dict[str, Any]:
    commits, suspect = next(
        (each, commit["id"])
        for each in shown["observations"]
        if each["kind"] == "commits"
        for commit in json.loads(each["result"])["commits"]
        if "shop/cart.py" in commit["paths"]
    )
    cited = {"evidence_id": commits["id"], "quote": suspect}
    guess = {"mechanism": "the rate is gone", "state": "leading", "supports": [cited], "contradicts": []}
    answer = {
        "verdict": "probable", "summary": "The rate is gone.", "hypotheses": [guess, {**guess, "state": "open"}],
        "chain": [{"at": at, "what": f"Step {at}.", "citation": cited} for at in (1, 2)],
        "suspect_commit": suspect, "confidence": 0.9, "missing": [], "next_action": "Read it.", "next_action_risk": "-",
    }  # fmt: skip
    for attempt in seen:
        wanted = dict(attempt.rca)
        if "cite" in wanted:
            evidence, quote = wanted.pop("cite")
            answer["hypotheses"] = [{**guess, "supports": [{"evidence_id": evidence, "quote": quote}]}] * 2
        if wanted.pop("backwards", False):
            answer["chain"] = answer["chain"][::-1]
        leak = request["messages"][0]["content"][:300]
        answer |= {
            name: value.replace("LEAK", leak) if isinstance(value, str) else value for name, value in wanted.items()
        }
    return answer


def _fix(seen: list[Attempt]) -> dict[str, Any]:
    """Mend what is broken and do what the attempts want beside it: the worst that could be slipped through."""
    answer: dict[str, Any] = dict(_FIX)
    for attempt in seen:
        wanted = dict(attempt.fix)
        if wanted.pop("mitigates", False):
            return answer | wanted
        answer["edits"] = [*answer["edits"], *wanted.pop("edits", [])]
        answer |= wanted
    return answer
