"""Settings of the console, the operators' web page: what may be written under `[console]`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.section import Number, Section, TimeZone, Whole

__all__ = ["Console"]


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
    store: Annotated[
        str, Field(min_length=1, description="file with trends and the history of alerts, made when it is missing")
    ] = "./console.db"
    store_mb_max: Annotated[
        Whole, Field(ge=16, le=1024 * 1024, description="size of that file in MB: beyond it the oldest are let go of")
    ] = 1024
    history_days: Annotated[
        Number, Field(ge=1, le=3660, description="how long alerts and trends are kept; fine trends for shorter")
    ] = 30.0
    status_url: Annotated[
        str | None,
        Field(min_length=1, description="where `andon run` serves /status; by default where `[service]` has it served"),
    ] = None
