"""What a browser keeps for us: it can read it, and not change it, and after a time it is worth nothing."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Seal"]


class Seal:
    """Signs by HMAC-SHA-256.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float]) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, purpose: str, text: str) -> str:
        """A signature that is good for this purpose only."""
        return hmac.new(self._secret, f"{purpose}\x1f{text}".encode(), "sha256").hexdigest()

    def close(self, purpose: str, value: Any, *, lasts_s: int) -> str:
        """A value as JSON knows it, for a cookie that is good for so long."""
        body = orjson.dumps([round(self._clock()) + lasts_s, value])
        text = urlsafe_b64encode(body).decode().rstrip("=")
        return f"{text}.{self.sign(purpose, text)}"

    def open(self, purpose: str, cookie: str | None) -> tuple[Any, float] | None:
        """What was closed for this purpose, and until when it is good (seconds since the epoch).

        None: it wasn't closed by us, or its time is over.
        """
        text, _, signature = (cookie or "").partition(".")
        if not text or not hmac.compare_digest(signature.encode(), self.sign(purpose, text).encode()):
            return None
        expires_s, value = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return (value, expires_s) if expires_s > self._clock() else None
