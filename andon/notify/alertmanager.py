"""The API (v2) of one Alertmanager: what fires there and came from us, and what it is told.

Every request has a bound in time, every answer one in size. What it can't take for good is returned, and everything
else that goes wrong is an `AwayError`: it will be told again.
"""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import orjson

from andon.notify.notices import ALERT_NAMES, WATCHER_SILENT, Notice, iso_time
from contracts.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Alertmanager", "AwayError", "Letter"]

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""Of all that fires there: some ten thousand alerts."""

REQUEST_S = 10.0
"""For each step of a request: connecting, sending, waiting."""

_REFUSED_ONE_OF_THEM = 400
_REFUSED_ALL = (413, 422)


class AwayError(SinkError):
    """An Alertmanager didn't take what it was told; it will be told again."""


class _TooLongError(AwayError):
    """An answer was larger than ANSWER_BYTES_MAX."""


class Letter(NamedTuple):
    """What an Alertmanager is told of one alert."""

    notice: Notice
    ends_ms: int


class Alertmanager:
    """One Alertmanager. Safe for use from one thread."""

    def __init__(
        self,
        url: str,
        *,
        token: Callable[[], str] = str,
        tls: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        """No request is made yet.

        Args:
            url: of its root, also below a path; a user and a password in it are sent as basic authentication.
            token: gives the bearer token before each request; empty for none.
            tls: whom to trust.
            transport: in place of the network, for tests.
            answer_bytes_max: a longer answer isn't read to its end.

        Raises: ValueError if it is no URL of http or https.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ValueError(str(error)) from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError("it doesn't begin with http:// or https:// and a host")
        if parsed.query or parsed.fragment:
            raise ValueError("it has a query: give the address of the Alertmanager itself")
        root = parsed.copy_with(username=None, password=None)
        self.name = str(root).rstrip("/").removesuffix("/api/v2/alerts")
        """The URL without what is secret in it."""
        self._token = token
        self._answer_bytes_max = answer_bytes_max
        self._client = httpx.Client(
            auth=(parsed.username, parsed.password) if parsed.username else None,
            timeout=REQUEST_S,
            trust_env=False,  # an Alertmanager is a neighbour: a proxy for the world's web doesn't lead there
            transport=transport,
            verify=tls,
        )

    def standing(self, site: str) -> list[Notice]:
        """The alerts of a site that fire there and came from us; none of them where they are too many to be listed.

        Raises: AwayError if it doesn't say.
        """
        quoted = site.replace("\\", "\\\\").replace('"', '\\"')
        try:
            answer = self._request("GET", params={"filter": f'site="{quoted}"'})
            found = [_notice_from(alert) for alert in _list_of(orjson.loads(answer.content))]
        except _TooLongError:
            return []  # those that shouldn't fire aren't repeated any more, and end by themselves
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise AwayError(
                f"{self.name} answers with something that is no list of alerts. Is the URL right?"
            ) from error
        return [notice for notice in found if notice is not None]

    def post(self, letters: Sequence[Letter]) -> list[str]:
        """Tell it, in one request; what it refuses for good is returned, as one reason for each group of refused ones.

        Raises: AwayError if it didn't take them.
        """
        document = orjson.dumps([_document(letter) for letter in letters])
        answer = self._request("POST", content=document, headers={"Content-Type": "application/json"})
        if answer.status_code in _REFUSED_ALL and len(letters) > 1:  # one of them may be at fault, or all too large
            middle = len(letters) // 2
            return self.post(letters[:middle]) + self.post(letters[middle:])
        # After a 400 it has taken the others.
        return [] if answer.is_success else [f"{answer.status_code}: {answer.text[:300].strip()}"]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, method: str, *, headers: Mapping[str, str] | None = None, **what: Any) -> httpx.Response:
        """The answer, read to its end.

        Raises: AwayError if there is none, or it isn't about our letters.
        """
        token = self._token()
        headers = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            with self._client.stream(method, f"{self.name}/api/v2/alerts", headers=headers, **what) as answer:
                body = b"".join(_bounded(answer.iter_bytes(), self._answer_bytes_max))
        except httpx.HTTPError as error:
            raise AwayError(f"{self.name}: {str(error) or type(error).__name__}") from error
        whole = httpx.Response(answer.status_code, content=body, headers={"Content-Type": "text/plain; charset=utf-8"})
        if whole.is_success or (method == "POST" and whole.status_code in (_REFUSED_ONE_OF_THEM, *_REFUSED_ALL)):
            return whole
        remedy = _REMEDIES.get(whole.status_code, "")
        raise AwayError(f"{self.name} answers {whole.status_code} {whole.reason_phrase}. {remedy}".rstrip())


_REMEDIES = {
    401: "Give a user and a password in the URL, or a token.",
    403: "The user or the token may not post alerts.",
    404: "Is the URL right? It is what comes before `/api/v2/alerts`.",
    **dict.fromkeys((301, 302, 307, 308), "Give the URL that it redirects to."),
}


def _bounded(pieces: Iterator[bytes], bytes_max: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > bytes_max:
            raise _TooLongError(f"an answer of more than {bytes_max} bytes is too long.")
        yield piece


def _document(letter: Letter) -> dict[str, Any]:
    notice = letter.notice
    document = {
        "labels": dict(notice.labels),
        "annotations": dict(notice.annotations),
        "startsAt": iso_time(notice.starts_ms),
        "endsAt": iso_time(letter.ends_ms),
    }
    return {**document, "generatorURL": notice.link} if notice.link else document


def _list_of(document: object) -> list[Any]:
    """Raises: TypeError if it is no list."""
    if not isinstance(document, list):
        raise TypeError(type(document).__name__)
    return document


def _notice_from(alert: dict[str, Any]) -> Notice | None:
    """One of its alerts as we told it; None: it isn't ours."""
    name = alert["labels"].get("alertname")
    if name not in ALERT_NAMES or not ("alert_id" in alert["annotations"] or name == WATCHER_SILENT):
        return None
    starts_ms = (datetime.fromisoformat(alert["startsAt"]) - _EPOCH) // timedelta(milliseconds=1)
    return Notice(tuple(sorted(alert["labels"].items())), starts_ms, tuple(alert["annotations"].items()))


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
