"""How a process tells what it does over HTTP: where, and to whom."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.section import Section

__all__ = ["Served"]


class Served(Section):
    """What every process has that serves metrics and health."""

    metrics_host: Annotated[str, Field(min_length=1, description="address that metrics and health are served on")] = (
        "127.0.0.1"
    )
    metrics_certificate_file: Annotated[
        str | None, Field(min_length=1, description="PEM file with a certificate: metrics and health are served by TLS")
    ] = None
    metrics_key_file: Annotated[
        str | None,
        Field(min_length=1, description="PEM file with the certificate's key, where it is a file of its own"),
    ] = None
    metrics_user: Annotated[
        str | None,
        Field(
            min_length=1,
            pattern=r"^[^:]+$",
            description="who may ask for `/metrics` and `/status`, by a password (HTTP Basic); `/healthz` and `/readyz`"
            " answer everybody",
        ),
    ] = None
    metrics_password_file: Annotated[
        str | None, Field(min_length=1, description="file with that password and nothing else")
    ] = None

    @model_validator(mode="after")
    def _metrics_fit_together(self) -> Self:
        if (self.metrics_user is None) != (self.metrics_password_file is None):
            raise ValueError("only one of metrics_user and metrics_password_file is given|give both, or none")
        if self.metrics_key_file is not None and self.metrics_certificate_file is None:
            raise ValueError("metrics_key_file is given without a certificate|give metrics_certificate_file, too")
        return self
