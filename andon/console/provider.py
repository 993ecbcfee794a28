"""The plant's identity provider, as the settings name it, for the console to ask."""

from __future__ import annotations

import ssl
from time import monotonic
from typing import TYPE_CHECKING

from contracts.errors import ConfigError, Problem
from dataflows.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.journey import NotSignedInError, Provider
    from contracts.console import Console

__all__ = ["provider_of"]


def provider_of(settings: Console, *, tell: Callable[[NotSignedInError], None]) -> Provider:
    """The provider; it isn't asked anything yet: a console starts also where it is away.

    Raises: ConfigError if a file can't be read, or what speaks its protocol isn't installed.
    """
    try:
        from console.oidc import OidcProvider  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        problem = Problem(
            "console.oidc_issuer", f"OpenID Connect needs {error.name}.", "Install it: pip install 'andon[oidc]'."
        )
        raise ConfigError("the console", (problem,)) from error
    secret = None
    if settings.oidc_client_secret_file is not None:
        secret = read_secret(settings.oidc_client_secret_file, key="console.oidc_client_secret_file")
    return OidcProvider(settings, client_secret=secret, clock=monotonic, tell=tell, verify=_trusted(settings))


def _trusted(settings: Console) -> ssl.SSLContext | bool:
    if settings.oidc_ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=settings.oidc_ca_file)
    except OSError as error:  # an ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or "it is no PEM file"
        problem = Problem(
            "console.oidc_ca_file",
            f"{settings.oidc_ca_file} can't be used ({reason}).",
            "Give a PEM file with the certificate of the authority.",
        )
        raise ConfigError("the console", (problem,)) from None
