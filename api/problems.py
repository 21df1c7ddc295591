"""Problem details (RFC 9457): one shape for everything that the read API refuses."""

import logging

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


def problem(status: int, title: str, detail: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the answer that says what went wrong."""
    body = Problem(type="about:blank", title=title, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, headers=headers, media_type="application/problem+json")


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


_TITLES = {401: "Unauthorized", 403: "Forbidden", 404: "Not found", 405: "Method not allowed"}
