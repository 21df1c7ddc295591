"""Fail when a test was skipped for a reason that is not allowed, or when a conformance suite missed an adapter.

`verify_report.py REPORT` after all tests; with `--skips` after some of them: the suites are not looked for.
"""

import sys
import xml.etree.ElementTree as ET

ALLOWED_SKIPS = (
    "the shared data is not beside the repository",  # a checkout alone: Sentry's own cases lie outside of it
    "the environment lies where only",  # a home that only its owner can enter: there is no second user to try
    "only root can give up root",
    "no local model is given",  # 127 MB of wheels that prove a protocol: opt-in
)
"""Beginnings of the reasons for which a test may be skipped in CI."""

REQUIRED_ADAPTERS = {
    "test_event_log": ("memory", "postgres]", "postgres-appender", "kafka]", "kafka-appender"),
    "test_checkpoint_store": ("memory", "postgres"),
    "test_task_queue": ("memory", "postgres", "sqs-moto", "sqs-elasticmq"),
    "test_incident_store": ("memory", "postgres"),
    "test_shadow_store": ("memory", "postgres"),
    "test_administration": ("memory", "postgres"),
    "test_evidence_store": ("memory", "clickhouse"),
    "test_spending": ("memory", "postgres"),
    "test_notice_book": ("memory", "postgres"),
    "test_code_host": ("memory", "github"),
    "test_source_code": ("git",),
    "test_similar_incidents": ("memory", "postgres"),
    "test_worker_book": ("memory", "postgres"),
    "test_evidence_rates": ("memory", "clickhouse"),
}
"""Each conformance suite and the adapters that it must have run over."""


def cases_of(report: str) -> list[ET.Element]:
    """Return the tests in the JUnit report at this path."""
    return list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314 -- written by our own pytest


def skipped(cases: list[ET.Element]) -> list[str]:
    """Return the tests that were skipped and may not be."""
    return [
        f"skipped: {case.get('classname')}.{case.get('name')}: {skip.get('message')}"
        for case in cases
        for skip in case.iter("skipped")
        if not (skip.get("message") or "").startswith(ALLOWED_SKIPS or ("\0",))
    ]


def missed(cases: list[ET.Element]) -> list[str]:
    """Return the adapters over which a conformance suite did not run."""
    found = []
    for suite, adapters in REQUIRED_ADAPTERS.items():
        ran = [c.get("name") or "" for c in cases if (c.get("classname") or "").endswith(f"conformance.{suite}")]
        found.extend(
            f"conformance suite {suite} did not run over {adapter}"
            for adapter in adapters
            if not any(f"[{adapter}" in name or f"-{adapter}" in name for name in ran)
        )
    return found


if __name__ == "__main__":
    only_skips = "--skips" in sys.argv
    tests = cases_of(sys.argv[-1])
    wrong = skipped(tests) + ([] if only_skips else missed(tests))
    ran = f"{len(tests)} tests ran" if only_skips else "every conformance suite ran every required adapter"
    print("\n".join(wrong) or f"{ran}, and nothing was skipped")
    sys.exit(bool(wrong))
