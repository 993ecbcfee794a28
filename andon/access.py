"""Who may ask a process how it is: by a password, over TLS, or, as by default, whoever is on this machine."""

from __future__ import annotations

import base64
import hmac
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import ConfigError, Problem
from dataflows.secrets import read_secret

if TYPE_CHECKING:
    from contracts.served import Served
    from contracts.settings import Service

__all__ = ["OPEN", "Access", "access_of", "client_tls"]


@dataclass(frozen=True, slots=True)
class Access:
    """What is asked of those who ask."""

    credentials: bytes | None = field(default=None, repr=False)
    """`user:password`; None: nobody has to say."""
    tls: ssl.SSLContext | None = None
    """Of the server; None: in the clear."""

    def admits(self, authorization: str | None) -> bool:
        """Whether a request's header is good enough (RFC 7617). Takes equally long whatever is wrong with it."""
        if self.credentials is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        try:
            decoded = base64.b64decode(given.strip(), validate=True)
        except ValueError:
            decoded = b""
        return hmac.compare_digest(decoded, self.credentials) and scheme.lower() == "basic"


OPEN = Access()


def access_of(served: Served, *, section: str = "service") -> Access:
    """By the settings.

    Args:
        section: of the settings, for messages.

    Raises: ConfigError if a file can't be read, or is no certificate with its key.
    """
    credentials = None
    if served.metrics_user is not None and served.metrics_password_file is not None:
        password = read_secret(served.metrics_password_file, key=f"{section}.metrics_password_file")
        credentials = f"{served.metrics_user}:{password}".encode()
    if served.metrics_certificate_file is None:
        return Access(credentials)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password for an encrypted key OpenSSL would ask whoever sits at the terminal.
        tls.load_cert_chain(served.metrics_certificate_file, served.metrics_key_file, password=lambda: b"")
    except OSError as error:  # an ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or "it is no PEM file"
        files = " and ".join(filter(None, (served.metrics_certificate_file, served.metrics_key_file)))
        problem = Problem(
            f"{section}.metrics_certificate_file",
            f"{files} can't be used ({reason}).",
            "Give PEM files with a certificate and its key, not encrypted.",
        )
        raise ConfigError("metrics and health", (problem,)) from None
    return Access(credentials, tls)


def client_tls(service: Service) -> ssl.SSLContext | bool:
    """How a client on this machine knows that it speaks with the service of these settings.

    By its certificate itself, which is in the settings: whatever name it is for, and whoever has signed it. True: as
    everybody does, by the authorities that this machine trusts.
    """
    if service.metrics_certificate_file is None:
        return True
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        text = Path(service.metrics_certificate_file).read_text(encoding="ascii", errors="replace")
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        first = text[text.index(begin) : text.index(end) + len(end)]
        tls.load_verify_locations(cadata=f"{first}\n")
    except (OSError, ValueError):
        return True
    tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    tls.check_hostname = False
    return tls
