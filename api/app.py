"""The whole application: SDK endpoints as plain ASGI, everything else as FastAPI."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI

from api import deploys, github_webhooks, health, incidents, problems, responses
from api.body import Message, Receive, Scope, Send
from api.dependencies import Stores
from api.github_webhooks import GithubWebhooks
from api.ingest import PATH, TUNNELS, Ingest
from api.webhooks import PREFIX, Webhooks

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_DESCRIPTION = """
Read what Premortem knows about your incidents, and answer them. Every call needs a bearer token, which belongs to one
tenant and sees nothing of another (`premortem token create NAME`). Times are RFC 3339 in UTC. Lists come in pages: pass
`next_cursor` back as `cursor`. What is refused is a problem (RFC 9457). SDKs send to `/api/{project}/envelope/`, by
their DSN.
"""


def read_api(stores: Stores) -> FastAPI:
    """Return the FastAPI application with the read API, health and metrics."""
    app = FastAPI(
        title="Premortem",
        version="1",
        description=_DESCRIPTION,
        redoc_url=None,
        docs_url=None,
        openapi_url="/openapi.json",
    )
    app.state.stores = stores
    app.include_router(incidents.router)
    app.include_router(responses.router)
    app.include_router(deploys.router)
    app.include_router(health.router)
    problems.install(app)
    problems.describe(app)
    return app


class Gateway:
    """Sends each request to the application that it is for, and adds the headers that every answer carries."""

    def __init__(self, ingest: Ingest, webhooks: Webhooks, github: GithubWebhooks, read: AsgiApp) -> None:
        self._ingest, self._webhooks, self._github, self._read = ingest, webhooks, github, read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch one ASGI connection."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path in TUNNELS or PATH.match(path):
            await self._ingest(scope, receive, send)
        elif path.rstrip("/") == github_webhooks.PATH:
            await self._github(scope, receive, send)
        elif path.startswith(PREFIX):
            await self._webhooks(scope, receive, send)
        else:
            await self._read(scope, receive, _with_safety_headers(send))


_SAFETY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
]


def _with_safety_headers(send: Send) -> Send:
    async def safe(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_SAFETY]
        await send(message)

    return safe
