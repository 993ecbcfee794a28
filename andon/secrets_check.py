"""Whether secrets are kept: none in andon.toml itself, and no file with one that everybody on this machine may open."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import Problem
from dataflows.secrets import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.section import Section
    from contracts.settings import Settings

__all__ = ["exposed_secrets"]

_PRIVATE_KEYS = ("ssl.key.location", "ssl.keystore.location")
"""Properties of the Kafka client that name files with a secret, beside those that end in `_file`."""
_NAMES = (
    "metrics_key_file",
    "metrics_password_file",
    "keys_file",
    "users_file",
    "oidc_client_secret_file",
    "prometheus_token_file",
    "private_key",
    "password_file",
)
"""Settings of ours that do."""


def exposed_secrets(settings: Settings, file: Path) -> tuple[Problem, ...]:
    """What others than andon may know, in the order of the settings.

    The group of a file isn't asked about: that is how containers and service managers hand secrets over. Files that
    aren't there are somebody else's problem.

    Args:
        settings: as they will count.
        file: where they are written down.
    """
    return (*_written_down(file), *_open_files(settings))


def _written_down(file: Path) -> Iterator[Problem]:
    """Secrets in the settings' own text; those from the environment aren't in it."""
    client = tomllib.loads(file.read_text(encoding="utf-8-sig")).get("kafka", {}).get("client", {})
    readers = _others(file)
    who = f"everybody on this machine, for that file is {readers}" if readers else "whoever gets a copy of the file"
    for name in client:
        if is_secret(name):
            yield Problem(
                f'kafka.client."{name}"',
                f"stands in {file.name} itself, and so it is known to {who}.",
                f'Write it into a file of its own, and give "{name}_file"; or give it by the environment.',
            )


def _open_files(settings: Settings) -> Iterator[Problem]:
    for key, path in _secret_files(settings):
        if readers := _others(Path(path)):
            yield Problem(key, f"{path} holds a secret, and is {readers}.", f"chmod 600 {path}")


def _secret_files(settings: Settings) -> Iterator[tuple[str, str]]:
    """(key, path) of each file with a secret that the settings name."""
    for name, value in settings.kafka.client.items():
        if name.endswith("_file") or name in _PRIVATE_KEYS:
            yield f'kafka.client."{name}"', str(value)
    service, gateway = settings.service, settings.gateway
    for where, served in (("service", service), ("gateway", gateway)):
        if served.metrics_key_file is None and served.metrics_certificate_file is not None:
            yield f"{where}.metrics_certificate_file", served.metrics_certificate_file  # its key is in it
    parts: list[tuple[str, Section]] = [
        ("service", service),
        ("commands", settings.commands),
        ("console", settings.console),
        ("gateway", gateway),
        *((f"gateway.{connection.name}", connection) for connection in gateway.connections),
        ("gateway.unified", gateway.unified),
    ]
    for where, part in parts:
        for name in _NAMES:
            if (path := getattr(part, name, None)) is not None:
                yield f"{where}.{name}", path


def _others(file: Path) -> str:
    """What everybody may do with a file: "readable by everybody (mode 0644)"; empty: nothing, or it isn't there."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return ""
    able = [word for word, bit in (("readable", stat.S_IROTH), ("writable", stat.S_IWOTH)) if mode & bit]
    return f"{' and '.join(able)} by everybody (mode {mode:04o})" if able else ""
