"""Run by itself in a case's checkout: makes the call under the real Sentry SDK and prints the event that it sends.

`python raising.py <root> <call> <release> <variables: 0 or 1>`; its last line is the event as JSON, or null.
"""

import json
import sys

import sentry_sdk


def main(root: str, call: str, release: str, variables: str) -> None:
    """Print the event."""
    found: list[dict[str, object]] = []

    def keep(event, _hint):  # type: ignore[no-untyped-def]
        found.append(event)

    sentry_sdk.init(
        dsn="http://k@127.0.0.1:9/1",
        release=release or None,
        environment="production",
        before_send=keep,
        project_root=root,
        in_app_include=["shop"],
        include_local_variables=variables == "1",
        default_integrations=False,
        auto_enabling_integrations=False,
    )
    sys.path.insert(0, root)
    sentry_sdk.add_breadcrumb(category="shop", message="the call begins")
    try:
        exec(call, {})
    except Exception:
        sentry_sdk.capture_exception()
    print("\n" + json.dumps(found[0] if found else None, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:5])
