"""Problem details (RFC 9457): one shape for everything that the read API refuses."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.body import BodyTooLarge, BodyTooSlow
from premortem.exceptions import Malformed, Unavailable

_LOGGER = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong, in the shape of RFC 9457."""

    type: str = Field("about:blank", description="A URI that names the kind of problem.")
    title: str = Field(description="The kind of problem, the same for every occurrence.")
    status: int = Field(description="The HTTP status code.")
    detail: str | None = Field(None, description="What went wrong this time, and what mends it.")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of routes that may refuse with these statuses; each is a Problem."""
    return {status: {"model": Problem, "description": _DESCRIPTIONS[status]} for status in statuses}


def describe(app: FastAPI) -> None:
    """Let the OpenAPI document say the content type that problems are sent with, which FastAPI cannot be told."""
    generate = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            for operations in generate()["paths"].values():
                for operation in operations.values():
                    for answer in operation["responses"].values():
                        _as_problem(answer.get("content", {}))
        return generate()

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation does it


def _as_problem(content: dict[str, Any]) -> None:
    declared = content.get("application/json", {})
    if declared.get("schema") == {"$ref": "#/components/schemas/Problem"}:
        content[_MEDIA_TYPE] = content.pop("application/json")


def problem(status: int, title: str, detail: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the answer that says what went wrong."""
    body = Problem(type="about:blank", title=title, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=_MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every exception of the read API with a problem."""

    @app.exception_handler(HTTPException)
    async def http(_: Request, exception: HTTPException) -> JSONResponse:
        headers = dict(exception.headers or {})
        return problem(exception.status_code, _TITLES.get(exception.status_code, "Error"), exception.detail, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, exception: RequestValidationError) -> JSONResponse:
        causes = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in exception.errors())
        return problem(422, "Invalid request", causes)

    @app.exception_handler(BodyTooLarge)
    async def too_large(_: Request, exception: BodyTooLarge) -> JSONResponse:
        return problem(413, "Body too large", str(exception))

    @app.exception_handler(BodyTooSlow)
    async def too_slow(_: Request, exception: BodyTooSlow) -> JSONResponse:
        return problem(408, "Body too slow", str(exception))

    @app.exception_handler(Malformed)
    async def malformed(_: Request, exception: Malformed) -> JSONResponse:
        return problem(400, "Malformed request", str(exception))

    @app.exception_handler(Unavailable)
    async def unavailable(_: Request, exception: Unavailable) -> JSONResponse:
        return problem(503, "Unavailable", str(exception), {"retry-after": "5"})

    @app.exception_handler(Exception)
    async def unexpected(_: Request, exception: Exception) -> JSONResponse:
        _LOGGER.error("unexpected exception", exc_info=exception)
        return problem(500, "Internal error", "An unexpected exception was logged.")


_MEDIA_TYPE = "application/problem+json"
_DESCRIPTIONS = {
    400: "The cursor or the body is malformed.",
    401: "No bearer token, or one that is not known.",
    404: "This tenant has nothing of that id.",
    408: "The body did not arrive in time.",
    409: "Nothing could take it back; `detail` says why, and how to do it all the same.",
    413: "The body is too large.",
    422: "A parameter is not what it must be; `detail` names it.",
    503: "A store does not answer. Try again after `Retry-After` seconds.",
}
_TITLES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    422: "Invalid request",
}
