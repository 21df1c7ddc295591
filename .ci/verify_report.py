"""Fail when a test was skipped for a reason that is not allowed, or when a conformance suite missed an adapter."""

import sys
import xml.etree.ElementTree as ET

ALLOWED_SKIPS = (
    "the shared data is not beside the repository",  # a checkout alone: Sentry's own cases lie outside of it
    "the environment lies where only",  # a home that only its owner can enter: there is no second user to try
    "only root can give up root",
)
"""Beginnings of the reasons for which a test may be skipped in CI."""

REQUIRED_ADAPTERS = {
    "test_event_log": ("memory", "postgres]", "postgres-appender", "kafka]", "kafka-appender"),
    "test_checkpoint_store": ("memory", "postgres"),
    "test_task_queue": ("memory", "postgres", "sqs-moto", "sqs-elasticmq"),
    "test_incident_store": ("memory", "postgres"),
    "test_administration": ("memory", "postgres"),
    "test_evidence_store": ("memory", "clickhouse"),
}
"""Each conformance suite and the adapters that it must have run over."""


def problems(report: str) -> list[str]:
    """Return what is wrong with the JUnit report at this path."""
    cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314 -- written by our own pytest
    found = [
        f"skipped: {case.get('classname')}.{case.get('name')}: {skip.get('message')}"
        for case in cases
        for skip in case.iter("skipped")
        if not (skip.get("message") or "").startswith(ALLOWED_SKIPS or ("\0",))
    ]
    for suite, adapters in REQUIRED_ADAPTERS.items():
        ran = [c.get("name") or "" for c in cases if (c.get("classname") or "").endswith(f"conformance.{suite}")]
        found.extend(
            f"conformance suite {suite} did not run over {adapter}"
            for adapter in adapters
            if not any(f"[{adapter}" in name or f"-{adapter}" in name for name in ran)
        )
    return found


if __name__ == "__main__":
    wrong = problems(sys.argv[1])
    print("\n".join(wrong) or "every conformance suite ran every required adapter, and nothing was skipped")
    sys.exit(bool(wrong))
