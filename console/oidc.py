"""Signing in where the plant's people do: OpenID Connect, the authorization code flow with PKCE (RFC 7636).

The provider says who somebody is, in a token that it has signed; a claim of it, or of what the provider tells beside
it, says what they may do. Nothing is kept of who is on their way there: the browser that left carries it, signed
(`console.seal`). The protocol is Authlib's, signatures are joserfc's; here is what a plant's console adds: every
request bounded, and each reason not to let somebody in a word for the page.
"""

from __future__ import annotations

import secrets
from hmac import compare_digest
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import orjson
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from console.journey import CALLBACK, Journey, NotSignedInError, Why
from console.users import Person, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.console import Console

__all__ = ["OidcProvider"]

ASK_S = 5.0
ANSWER_BYTES_MAX = 1024 * 1024
KEPT_S = 3600.0
"""What a provider says of itself, and its keys, are asked for again after so long."""

KEYS_AGAIN_S = 60.0
"""A token by a key that isn't known has the keys asked for at once, but not more often than that."""

LEEWAY_S = 60
"""Two clocks may differ by so much."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the provider can make: `none`, and whatever a client's own secret signs, aren't among them."""

NAME_CHARACTERS_MAX = 64


class OidcProvider:
    """The identity provider that the settings name.

    Args:
        client_secret: None for a public client.
        clock: seconds, only goes forward.
        tell: is called where somebody isn't let in.
        verify: how its certificate is checked, as httpx takes it.
    """

    def __init__(
        self,
        settings: Console,
        *,
        client_secret: str | None,
        clock: Callable[[], float],
        tell: Callable[[NotSignedInError], None],
        verify: Any = True,
    ) -> None:
        assert settings.oidc_issuer is not None
        assert settings.oidc_client_id is not None
        assert settings.public_url is not None
        self._settings = settings
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._client_secret = client_secret
        self._clock = clock
        self.tell = tell
        self._verify = verify
        self._lock = Lock()
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}

    @property
    def redirect_url(self) -> str:
        """Where the provider sends people back to."""
        return f"{(self._settings.public_url or '').rstrip('/')}{CALLBACK}"

    def leave(self, then: str) -> tuple[str, Journey]:
        """Where to send somebody who wants to sign in, and what to remember of them.

        Raises: NotSignedInError.
        """
        journey = Journey(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            then=then,
        )
        with self._asking() as http:
            endpoint = _text(self._metadata(http), "authorization_endpoint")
            url, _ = self._client(http).create_authorization_url(
                endpoint, state=journey.state, code_verifier=journey.verifier, nonce=journey.nonce
            )
        return str(url), journey

    def arrive(self, answer: Mapping[str, str], journey: Journey) -> Person:
        """Who comes back.

        Args:
            answer: the query with which the provider sent them back.

        Raises: NotSignedInError.
        """
        if not compare_digest(answer.get("state", "").encode(), journey.state.encode()):
            raise NotSignedInError(Why.EXPIRED, "somebody came back who hadn't left, or had left once more")
        if answer.get("iss", self._issuer) != self._issuer:  # RFC 9207
            raise NotSignedInError(Why.INVALID, "another provider than ours has sent somebody")
        if "error" in answer or "code" not in answer:
            raise NotSignedInError(Why.REFUSED, f"the provider says {answer.get('error', 'nothing')[:100]!r}")
        with self._asking() as http:
            metadata = self._metadata(http)
            token = self._token(http, metadata, answer["code"], journey)
            claims = self._claims(http, metadata, token, journey)
            return self._person(claims if self._says_all(claims) else self._more(http, metadata, token, claims))

    def _asking(self) -> httpx.Client:
        return httpx.Client(timeout=ASK_S, verify=self._verify, headers={"accept": "application/json"})

    def _client(self, http: httpx.Client) -> Any:
        return OAuth2Client(
            http,
            client_id=self._client_id,
            scope=" ".join(self._settings.oidc_scopes),
            redirect_uri=self.redirect_url,
            code_challenge_method="S256",
        )

    def _metadata(self, http: httpx.Client) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0)."""
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = self._kept(http, url, KEPT_S)
        if metadata.get("issuer") != self._issuer:
            named = str(metadata.get("issuer"))[:200]
            raise NotSignedInError(Why.INVALID, f"{url} is of {named!r}: console.oidc_issuer has to be the same")
        return metadata

    def _token(self, http: httpx.Client, metadata: dict[str, Any], code: str, journey: Journey) -> dict[str, Any]:
        """The code that somebody brought, for tokens."""
        given = {"code": code, "code_verifier": journey.verifier}
        supported = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._client_secret is None:
            given |= {"client_id": self._client_id}
            auth: Any = _as_it_is
        elif "client_secret_basic" in supported:
            auth = httpx.BasicAuth(_quoted(self._client_id), _quoted(self._client_secret))
        else:
            given |= {"client_id": self._client_id, "client_secret": self._client_secret}
            auth = _as_it_is
        try:
            token = self._client(http).fetch_token(_text(metadata, "token_endpoint"), auth=auth, **given)
        except OAuth2Error as error:
            raise NotSignedInError(Why.REFUSED, f"no token for a code: {error.error}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise NotSignedInError(Why.UNREACHABLE, f"no token for a code: {_said(error)}") from error
        return dict(token)

    def _claims(
        self, http: httpx.Client, metadata: dict[str, Any], token: dict[str, Any], journey: Journey
    ) -> dict[str, Any]:
        """What the signed token says, once it is sure that it is for us, for this journey, and by the provider."""
        text = token.get("id_token")
        if not isinstance(text, str):
            raise NotSignedInError(Why.INVALID, "there is no id_token: is `openid` among console.oidc_scopes?")
        try:
            decoded = self._decoded(http, metadata, text)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                },
                {"nonce": journey.nonce, "client_id": self._client_id, "access_token": token.get("access_token")},
            )
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotSignedInError(Why.INVALID, f"the id_token can't be trusted: {_said(error)}") from error
        return dict(claims)

    def _decoded(self, http: httpx.Client, metadata: dict[str, Any], text: str) -> jwt.Token:
        told = metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        algorithms = [name for name in ALGORITHMS if name in told]
        url = _text(metadata, "jwks_uri")

        def decoded_by_keys(keep_s: float) -> jwt.Token:
            document: Any = self._kept(http, url, keep_s)  # what it is, is found out by reading it
            return jwt.decode(text, KeySet.import_key_set(document), algorithms=algorithms)

        try:
            return decoded_by_keys(KEPT_S)
        except JoseError:  # perhaps by a key that is new
            return decoded_by_keys(KEYS_AGAIN_S)

    def _says_all(self, claims: dict[str, Any]) -> bool:
        wanted = (self._settings.oidc_name_claim, self._settings.oidc_role_claim)
        return all(_claim(claims, name) is not None for name in wanted)

    def _more(
        self, http: httpx.Client, metadata: dict[str, Any], token: dict[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """With what the provider tells of a person beside the token: many keep the token small."""
        url, access = metadata.get("userinfo_endpoint"), token.get("access_token")
        if not isinstance(url, str) or not isinstance(access, str):
            return claims
        told = _answer(http, url, headers={"authorization": f"Bearer {access}"})
        if told.get("sub") != claims["sub"]:
            raise NotSignedInError(Why.INVALID, "the provider tells of another person than its token names")
        return {**told, **claims}

    def _person(self, claims: dict[str, Any]) -> Person:
        name = _claim(claims, self._settings.oidc_name_claim)
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise NotSignedInError(
                Why.NAMELESS,
                f"the provider gives no claim {self._settings.oidc_name_claim}: see console.oidc_name_claim",
            )
        groups = _claim(claims, self._settings.oidc_role_claim)
        member = groups if isinstance(groups, list) else [groups]
        role = Role.OPERATOR if self._settings.oidc_operator_group in member else Role.VIEWER
        return Person(name.strip()[:NAME_CHARACTERS_MAX], role)

    def _kept(self, http: httpx.Client, url: str, keep_s: float) -> dict[str, Any]:
        """A document of the provider's, no older than that."""
        with self._lock:
            asked_s, document = self._known.get(url, (float("-inf"), {}))
            if self._clock() - asked_s <= keep_s:
                return document
        document = _answer(http, url)
        with self._lock:
            self._known[url] = (self._clock(), document)
        return document


def _answer(http: httpx.Client, url: str, *, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A JSON object.

    Raises: NotSignedInError.
    """
    body = b""
    try:
        with http.stream("GET", url, headers=headers) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                body += part
                if len(body) > ANSWER_BYTES_MAX:
                    break
        document = orjson.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL, orjson.JSONDecodeError) as error:
        raise NotSignedInError(Why.UNREACHABLE, f"{url}: {_said(error)}") from error
    if not isinstance(document, dict):
        raise NotSignedInError(Why.UNREACHABLE, f"{url}: it is no JSON object")
    return document


def _claim(claims: dict[str, Any], name: str) -> Any:
    """A claim by its name; or by its path, as Keycloak's `realm_access.roles`; None: it isn't there."""
    found: Any = claims
    for part in (name,) if name in claims else name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _text(metadata: dict[str, Any], name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str):
        raise NotSignedInError(Why.INVALID, f"the provider doesn't say its {name}")
    return value


def _quoted(text: str) -> str:
    """As RFC 6749, section 2.3.1, wants both halves of a client's credentials."""
    return quote(text, safe="")


def _as_it_is(request: httpx.Request) -> httpx.Request:
    return request


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:300]
