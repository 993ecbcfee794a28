"""`andon status`: how a running andon is, by its `/status`: how far it has come, and who doesn't judge yet, and why."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from andon.access import client_tls
from andon.plain_text import one_line
from andon.printing import Output
from contracts.errors import SourceError
from contracts.loading import load
from dataflows.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from contracts.settings import Service, Settings

__all__ = ["address_of", "command", "fetch", "page", "shown"]

ASK_S = 5.0
"""For each step of the request: connecting, sending, waiting."""

ANSWER_BYTES_MAX = 4 * 1024 * 1024
"""Six lists of a hundred entries with the longest names are a quarter of it."""

LANES_SHOWN = 10
"""Of those that have most to read."""

_LISTS = {
    "warming": "warming up",
    "paused": "not learning",
    "out_of_service": "out of service",
    "resting": "at rest",
    "adjusted": "thresholds raised by feedback, in L",
    "refused": "refused",
}
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not what we listen on
"""Where a service is found from its own machine that listens on all addresses."""


@click.command()
@click.option(
    "--settings", "file", default="andon.toml", show_default=True, type=click.Path(), help="Settings it runs by."
)
@click.option("--url", metavar="URL", help="Where its metrics are served, instead of what the settings say.")
@click.option("--json", "as_json", is_flag=True, help="JSON also on a terminal.")
def command(*, file: str, url: str | None, as_json: bool) -> None:
    """Ask a running andon how it is: ready or why not, lag, who is still warming up, paused, adjusted or refused.

    Piped, or with --json: one JSON object. The exit code is 1 when it doesn't answer, or isn't ready.

    \b
    andon status
    andon status --url http://127.0.0.1:9464 --json
    """  # noqa: D301 - click's mark for lines that stay as they are is the character itself
    if url is None:
        settings = load(file, os.environ)
        document = fetch(address_of(settings), settings.service)
    else:
        document = fetch(url)
    Output(as_json=as_json).result(document, shown(document))
    if not document["ready"]:
        sys.exit(1)


def address_of(settings: Settings) -> str:
    """Where a service with these settings serves its metrics.

    Raises: click.UsageError if they leave that open.
    """
    service = settings.service
    if service.metrics_port is False:
        raise click.UsageError("service.metrics_port is false: it serves no status.")
    if service.metrics_port == 0:
        raise click.UsageError("service.metrics_port is 0: a free port is picked at each start. Give --url.")
    host = _ANY_ADDRESS.get(service.metrics_host, service.metrics_host)
    scheme = "http" if service.metrics_certificate_file is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{service.metrics_port}"


def fetch(url: str, service: Service | None = None) -> dict[str, Any]:
    """What `/status` says there.

    Args:
        service: settings that say the password and the certificate of what answers there; None: it has none.

    Raises: ConfigError if the password can't be read; SourceError if nothing answers, or something that isn't andon.
    """
    import httpx  # noqa: PLC0415 - `andon --help` need not wait for it
    import orjson  # noqa: PLC0415

    status, body, address = page(url, "/status", service)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if status != httpx.codes.OK or not isinstance(document, dict) or not isinstance(document.get("ready"), bool):
        raise SourceError(f"{address} answers, and isn't andon's status (HTTP {status}). Give its --url.")
    return document


def page(url: str, path: str, service: Service | None = None) -> tuple[int, bytes, str]:
    """Code and body of a page that a running andon serves, and its address without a password.

    Args:
        url: of the service, with or without `/status`.
        path: of the page.
        service: settings that say the password and the certificate of what answers there; None: it has none.

    Raises: ConfigError if the password can't be read; SourceError if nothing answers, or wants a password.
    """
    import httpx  # noqa: PLC0415 - `andon --help` need not wait for it

    asking: dict[str, Any] = {}
    if service is not None and service.metrics_user is not None and service.metrics_password_file is not None:
        password = read_secret(service.metrics_password_file, key="service.metrics_password_file")
        asking["auth"] = (service.metrics_user.encode(), password.encode())
    if service is not None:
        asking["verify"] = client_tls(service)
    asked = f"{url.rstrip('/').removesuffix('/status')}{path}"
    address = re.sub(r"//[^/@]*@", "//", asked)  # a password in it is for the server alone
    body = b""
    try:
        # No proxy: whoever asks is on the same machine or the same network, and a proxy's error isn't andon's answer.
        with httpx.Client(timeout=ASK_S, trust_env=False, **asking) as client, client.stream("GET", asked) as answer:
            for part in answer.iter_bytes():
                body += part
                if len(body) > ANSWER_BYTES_MAX:
                    break
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(
            f"{address} doesn't answer ({str(error) or type(error).__name__}). Is andon running there? "
            "Its log says on start where its metrics are served."
        ) from error
    if status == httpx.codes.UNAUTHORIZED:
        raise SourceError(f"{address} wants a user and a password. Give --settings that name them, or user:password@.")
    return status, body, address


def shown(document: dict[str, Any]) -> RenderableType:
    """The document for people."""
    parts: list[RenderableType] = [_head(document), _figures(document)]
    for name, title in _LISTS.items():
        entries = document.get(name) or []
        if entries:
            parts += [Text(f"\n{title}", style="bold"), _grid(name, entries)]
            if (left := _left_out(document, name, len(entries))) > 0:
                parts.append(Text(f"… and {left} more", style="dim"))
    return Group(*parts)


def _head(document: dict[str, Any]) -> Text:
    ready = document["ready"]
    head = Text.assemble(
        (one_line(str(document.get("site", ""))), "bold"),
        ": ",
        ("ready", "bold green") if ready else ("not ready", "bold red"),
        (f"  andon {document.get('version', '')}", "dim"),
    )
    for reason in document.get("unready") or []:
        head.append(f"\n  {one_line(str(reason))}", style="red")
    return head


def _figures(document: dict[str, Any]) -> Grid:
    figures = Grid(box=None, show_header=False, pad_edge=False)
    figures.add_column(style="dim", no_wrap=True)
    figures.add_column(overflow="fold")
    lanes = document.get("lanes") or {}
    figures.add_row("to read", ", ".join([_counted(document.get("lag_rows", 0), "message"), *_behind(lanes)]))
    figures.add_row("lanes", f"{len(lanes)}, {sum(bool(lane.get('caught_up')) for lane in lanes.values())} caught up")
    figures.add_row("watched", f"{document.get('series', 0)} series of {_counted(document.get('assets', 0), 'asset')}")
    learning = document.get("learning") or {}
    words = {"learning": "judge and learn", "warming": "warm up", "paused": "judge and don't learn"}
    figures.add_row("learning", ", ".join(f"{learning.get(state, 0)} {word}" for state, word in words.items()))
    return figures


def _behind(lanes: dict[str, Any]) -> Iterator[str]:
    """The lanes that have most to read."""
    lags = {name: sum((lane.get("lag_rows") or {}).values()) for name, lane in lanes.items()}
    most = sorted((name for name, lag in lags.items() if lag), key=lambda name: (-lags[name], name))
    for name in most[:LANES_SHOWN]:
        yield f"{one_line(name)} {lags[name]}"
    if len(most) > LANES_SHOWN:
        yield f"{len(most) - LANES_SHOWN} more lanes"


def _grid(name: str, entries: Iterable[dict[str, Any]]) -> Grid:
    rows = Grid(box=None, show_header=False, pad_edge=False)
    rows.add_column(overflow="fold")
    rows.add_column(overflow="fold", style="dim")
    for entry in entries:
        where = entry.get("asset", "")
        if name != "refused":
            where = f"{where} {entry.get('sensor') or '(as a whole)'}"
        what = f"+ {entry.get('raised_by')}" if name == "adjusted" else entry.get("why", "")
        rows.add_row(Text(one_line(str(where))), Text(one_line(str(what))))
    return rows


def _left_out(document: dict[str, Any], name: str, listed: int) -> int:
    """How many more there are than are listed, where a figure says so."""
    in_all = (document.get("learning") or {}).get(name, 0)
    return int(in_all) - listed


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
