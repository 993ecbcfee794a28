"""Settings of the console, the operators' web page: what may be written under `[console]`."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from contracts.section import Number, Section, TimeZone, Whole

__all__ = ["Console"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Console(Section):
    """The operators' web page, served by `andon console`."""

    host: Annotated[
        str, Field(min_length=1, description="address that the page is served on; any but this machine's needs users")
    ] = "127.0.0.1"
    port: Annotated[Whole, Field(ge=0, le=65535, description="port of the page; 0 picks a free one")] = 9480
    time_zone: Annotated[
        TimeZone, Field(description="of the plant, as in the tz database; times are shown in it and in UTC")
    ] = "UTC"
    users_file: Annotated[
        str | None,
        Field(min_length=1, description="who may sign in, with their roles; `andon console add-user` writes it"),
    ] = None
    session_h: Annotated[
        Number, Field(gt=0, le=24 * 7, description="hours after which a person signs in again: a shift and a bit")
    ] = 12.0
    cookie_secure: Annotated[
        bool | None,
        Field(
            strict=True,
            description="whether browsers may send the session over TLS only; by default they may, but on localhost",
        ),
    ] = None
    proxy_user_header: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9-]+$",
            description="header in which a proxy that people sign in to says who they are, e.g. `X-Forwarded-User`",
        ),
    ] = None
    proxy_role_header: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9-]+$",
            description="header with the groups of a person, separated by commas; without it all are viewers",
        ),
    ] = None
    proxy_operator_group: Annotated[
        str, Field(min_length=1, description="group whose members are operators, where a proxy tells groups")
    ] = "operator"
    proxy_addresses: Annotated[
        tuple[str, ...], Field(min_length=1, description="addresses of that proxy: from others its headers are ignored")
    ] = ("127.0.0.1", "::1")
    public_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/?#\s]+/?$",
            description="how people reach the page, e.g. `https://console.plant.example`: signing in by OIDC needs it",
        ),
    ] = None
    oidc_issuer: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^?#\s]+$",
            description="the plant's identity provider (OpenID Connect), as it names itself; needs the extra `oidc`",
        ),
    ] = None
    oidc_client_id: Annotated[
        str | None, Field(min_length=1, description="under which the provider knows this console")
    ] = None
    oidc_client_secret_file: Annotated[
        str | None, Field(min_length=1, description="file with the client's secret; without it, it is a public client")
    ] = None
    oidc_scopes: Annotated[
        tuple[str, ...], Field(min_length=1, description="what the provider is asked for; `openid` is one of them")
    ] = ("openid", "profile", "email")
    oidc_name_claim: Annotated[
        str, Field(min_length=1, description="claim with the name that stands in what a person does")
    ] = "preferred_username"
    oidc_role_claim: Annotated[
        str, Field(min_length=1, description="claim with a person's groups, or the path to it: `realm_access.roles`")
    ] = "groups"
    oidc_operator_group: Annotated[
        str, Field(min_length=1, description="group whose members are operators; others whom the provider knows look")
    ] = "operator"
    oidc_ca_file: Annotated[
        str | None,
        Field(min_length=1, description="PEM file of who has signed the provider's certificate, if private"),
    ] = None
    store: Annotated[
        str, Field(min_length=1, description="file with trends and the history of alerts, made when it is missing")
    ] = "./console.db"
    store_mb_max: Annotated[
        Whole, Field(ge=16, le=1024 * 1024, description="size of that file in MB: beyond it the oldest are let go of")
    ] = 1024
    history_days: Annotated[
        Number, Field(ge=1, le=3660, description="how long alerts and trends are kept; fine trends for shorter")
    ] = 30.0
    status_urls: Annotated[
        tuple[str, ...],
        Field(
            description="where processes of `andon run` serve /status; a name with several addresses is asked at each. "
            "By default where `[service]` has it served"
        ),
    ] = ()
    prometheus_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/?#\s]+[^?#\s]*$",
            description="a Prometheus that scrapes andon, e.g. `http://127.0.0.1:9090`: what it has kept is shown too",
        ),
    ] = None
    prometheus_job: Annotated[str, Field(min_length=1, description="the `job` under which it scrapes andon")] = "andon"
    prometheus_token_file: Annotated[
        str | None, Field(min_length=1, description="file with a bearer token, where it wants one")
    ] = None

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        if self.oidc_issuer is None:
            return self
        for name, what in (
            ("oidc_client_id", "the client's name there"),
            ("public_url", "where it sends people back to"),
        ):
            if getattr(self, name) is None:
                raise ValueError(f"oidc_issuer is given without {name}|give {name}, too: {what}")
        if "openid" not in self.oidc_scopes:
            raise ValueError("oidc_scopes lacks openid|add it: without it nobody is told who signs in")
        for name in ("oidc_issuer", "public_url"):
            parts = urlsplit(getattr(self, name))
            if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
                raise ValueError(f"{name} is http, which others can read and change|give an https address")
        return self
