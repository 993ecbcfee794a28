"""What is read from a request, and how it is answered: bodies, numbers, who asks, and whether it came from our page."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.doors import COOKIE, CSRF_HEADER

if TYPE_CHECKING:
    from starlette.requests import Request

    from console.doors import Door, Visit

__all__ = ["Gate", "address_of", "body_of", "json_answer", "refused", "same_origin", "span_of", "whole_of"]

BODY_BYTES_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class Gate:
    """Asks of every request who it is from. Its methods raise an HTTPException for those who may not."""

    door: Door

    def visit(self, request: Request) -> Visit | None:
        """Who asks; None: they have to sign in."""
        return self.door.visit(address=address_of(request), headers=request.headers, cookie=request.cookies.get(COOKIE))

    def visitor(self, request: Request) -> Visit:
        """Whoever looks: signed in."""
        visit = self.visit(request)
        if visit is None:
            raise HTTPException(401, "Sign in.")
        return visit

    def changing(self, request: Request) -> Visit:
        """Whoever changes something: signed in, from our own page."""
        same_origin(request)
        visit = self.visitor(request)
        if not compare_digest(request.headers.get(CSRF_HEADER, "").encode(), visit.token.encode()):
            raise HTTPException(403, "The page is older than the session: load it again.")
        return visit


def same_origin(request: Request) -> None:
    """Refuse what another page had a browser ask.

    Raises: HTTPException.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "This was asked by another page than ours.")


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request.

    Raises: HTTPException if it is none, or too large.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"More than {BODY_BYTES_MAX} bytes.")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    is_json = request.headers.get("content-type", "").partition(";")[0] == "application/json"
    if not is_json or not isinstance(document, dict):
        raise HTTPException(400, "Send a JSON object.")
    return document


def span_of(request: Request) -> tuple[int, int]:
    """From when to when (ms).

    Raises: HTTPException.
    """
    from_ms, to_ms = whole_of(request, "from", 0), whole_of(request, "to", 0)
    if not 0 <= from_ms < to_ms:
        raise HTTPException(400, "from and to are ms since the epoch, and from is before to.")
    return from_ms, to_ms


def whole_of(request: Request, name: str, usual: int) -> int:
    """A whole number of the query.

    Raises: HTTPException.
    """
    text = request.query_params.get(name, "")
    if not text:
        return usual
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise HTTPException(400, f"{name} is a whole number.")
    return int(text)


def json_answer(document: object, *, status: int = 200, headers: Any = None) -> Response:
    """A document for the page."""
    return Response(orjson.dumps(document), status, media_type="application/json", headers=headers)


async def refused(_request: Request, error: Exception) -> Response:
    """A refusal, as a sentence."""
    assert isinstance(error, HTTPException)
    return json_answer({"fault": error.detail}, status=error.status_code, headers=error.headers)
