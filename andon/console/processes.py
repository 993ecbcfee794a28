"""Asks every process of the service how it is, where one address names them all or each has one of its own."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from andon.status import address_of, fetch
from contracts.errors import AndonError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.settings import Settings

__all__ = ["told_by_processes"]

PROCESSES_MAX = 64
"""More than lanes that a service may have."""

ASKED_AT_ONCE = 8


def told_by_processes(settings: Settings) -> list[dict[str, Any]]:
    """What `/status` of each process says, with its `address`; or `fault`, why it doesn't answer.

    A name with several addresses, as of a headless Service, is asked at each. A process that has fellows, and was found
    at one address alone, has them on the ports after its own, as `andon run --processes` gives them out.
    """
    try:
        urls = [place for url in settings.console.status_urls or (address_of(settings),) for place in _places(url)]
    except click.UsageError as error:
        return [{"address": "", "fault": error.message}]
    told = _all_told(urls[:PROCESSES_MAX], settings)
    if len(urls) == 1 and told[0].get("process") == 0 and told[0].get("processes", 1) > 1:
        told += _all_told(list(_next_ports(urls[0], told[0]["processes"] - 1)), settings)
    return list(_each_once(told))


def _all_told(urls: list[str], settings: Settings) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(ASKED_AT_ONCE, "console-status") as pool:
        return list(pool.map(lambda url: _told(url, settings), urls))


def _told(url: str, settings: Settings) -> dict[str, Any]:
    shown = urlsplit(url).netloc.rpartition("@")[2]
    try:
        return {**fetch(url, settings.service), "address": shown}
    except AndonError as error:
        return {"address": shown, "fault": str(error)}


def _places(url: str) -> list[str]:
    """One URL for each address of its name; that itself where there is one, or TLS wants the name."""
    parts = urlsplit(url)
    try:
        port = parts.port or 80
        found = socket.getaddrinfo(parts.hostname, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # asking will say what is wrong with it
        return [url]
    hosts = sorted({str(place[4][0]) for place in found})
    if parts.scheme != "http" or len(hosts) < 2:
        return [url]
    return [_at(url, host, port) for host in hosts]


def _next_ports(url: str, count: int) -> Iterable[str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    for offset in range(1, min(count, PROCESSES_MAX) + 1):
        yield _at(url, f"[{host}]" if ":" in host else host, (parts.port or 80) + offset)


def _at(url: str, host: str, port: int) -> str:
    parts = urlsplit(url)
    user, mark, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{mark}{host}:{port}").geturl()


def _each_once(told: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """A process may have two addresses."""
    seen = set()
    for one in told:
        if "process" in one:
            if one["process"] in seen:
                continue
            seen.add(one["process"])
        yield one
