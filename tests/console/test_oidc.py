"""What isn't believed of a provider, and of who comes from there; the way that goes well: test_signing_in.py."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from console.journey import NotSignedInError, Why, own_path
from console.oidc import ALGORITHMS, OidcProvider
from console.users import Person, Role
from contracts.console import Console

KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
CURVE = ECKey.generate_key("P-256", {"kid": "k2", "use": "sig", "alg": "ES256"})


class Clock:
    """A clock that is set."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):  # noqa: D102 - as its class says
        return self.now


class Said:
    """A provider that says what a test wants. `pages` are JSON by path; a callable gets the request."""

    def __init__(self):
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._say({})

            def do_POST(self):
                length = int(self.headers["content-length"])
                self._say({name: one for name, (one,) in parse_qs(self.rfile.read(length).decode()).items()})

            def _say(self, form):
                outer.asked.append((self.path, form))
                page = outer.pages.get(self.path)
                body = page(form) if callable(page) else page
                self.send_response(404 if body is None else 400 if isinstance(body, dict) and "error" in body else 200)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.metadata = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/me",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        }
        self.keys = [KEY, CURVE]
        self.claims = {"preferred_username": "maria", "groups": ["operator"]}
        self.key, self.alg = KEY, "RS256"
        self.nonce = ""
        self.pages = {
            "/.well-known/openid-configuration": lambda _form: self.metadata,
            "/jwks": lambda _form: {"keys": [key.as_dict(private=False) for key in self.keys]},
            "/token": lambda _form: {"access_token": "a", "token_type": "Bearer", "id_token": self.token()},
            "/me": {"sub": "7", "preferred_username": "maria", "groups": ["operator"]},
        }

    def token(self):
        """Signed."""
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": "console", "sub": "7", "iat": now, "exp": now + 60, "nonce": self.nonce}
        claims = {name: value for name, value in {**usual, **self.claims}.items() if value is not None}
        header = {"alg": self.alg, "kid": self.key.kid}
        if self.alg in ("HS256", "none"):
            return forged(header, claims)
        return jwt.encode(header, claims, self.key, algorithms=["RS256", "ES256"])

    def __enter__(self):
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def forged(header, claims):
    """What a library refuses to make: signed with our public key as if that were a secret, or not at all."""
    head, body = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
    seal = hmac.digest(KEY.as_pem(private=False), head + b"." + body, "sha256") if header["alg"] == "HS256" else b""
    return b".".join((head, body, urlsafe_b64encode(seal).rstrip(b"="))).decode()


@pytest.fixture
def said():
    """A provider."""
    with Said() as provider:
        yield provider


def provider_of(said, *, clock=None, **settings):
    console = Console(oidc_issuer=said.issuer, oidc_client_id="console", public_url="http://localhost:9480", **settings)
    return OidcProvider(console, client_secret="s", clock=clock or Clock(), tell=lambda _error: None)


def there_and_back(provider, said, **answer):
    """Whoever comes back, after the provider was left."""
    _, journey = provider.leave("/")
    said.nonce = journey.nonce
    return provider.arrive({"code": "c", "state": journey.state, **answer}, journey)


def refusal(provider, said, **answer):
    with pytest.raises(NotSignedInError) as caught:
        there_and_back(provider, said, **answer)
    return caught.value


def test_the_way_there_carries_a_challenge_and_nothing_that_is_secret(said):
    """PKCE by S256, a state and a nonce that nobody can guess, and our own address to come back to."""
    provider = provider_of(said)

    url, journey = provider.leave("/report")
    asked = {name: one for name, (one,) in parse_qs(urlsplit(url).query).items()}

    assert url.startswith(f"{said.issuer}/auth?")
    assert {name: asked[name] for name in ("client_id", "response_type", "redirect_uri", "code_challenge_method")} == {
        "client_id": "console",
        "response_type": "code",
        "redirect_uri": "http://localhost:9480/api/oidc/callback",
        "code_challenge_method": "S256",
    }
    assert asked["scope"].split() == ["openid", "profile", "email"]
    assert (asked["state"], asked["nonce"]) == (journey.state, journey.nonce)
    assert journey.verifier not in url
    assert len({*provider.leave("/")[1:], journey}) == 2


def test_who_comes_back_is_who_the_token_says(said):
    """And the code goes with the verifier, by which nobody else could have used it."""
    provider = provider_of(said)

    assert there_and_back(provider, said) == Person("maria", Role.OPERATOR)
    form = next(form for path, form in said.asked if path == "/token")
    assert (form["grant_type"], form["code"], len(form["code_verifier"])) == ("authorization_code", "c", 64)
    assert "/me" not in {path for path, _ in said.asked}


@pytest.mark.parametrize(
    ("claims", "settings", "person"),
    [
        ({"groups": ["staff"]}, {}, Person("maria", Role.VIEWER)),
        ({"groups": "operator"}, {}, Person("maria", Role.OPERATOR)),
        ({"groups": ["boss"]}, {"oidc_operator_group": "boss"}, Person("maria", Role.OPERATOR)),
        ({"realm": {"roles": ["operator"]}}, {"oidc_role_claim": "realm.roles"}, Person("maria", Role.OPERATOR)),
        ({"https://a.b/c": ["operator"]}, {"oidc_role_claim": "https://a.b/c"}, Person("maria", Role.OPERATOR)),
        ({"email": "m@plant.example"}, {"oidc_name_claim": "email"}, Person("m@plant.example", Role.OPERATOR)),
        ({"groups": {"operator": True}}, {}, Person("maria", Role.VIEWER)),
        ({"preferred_username": "m" * 90}, {}, Person("m" * 64, Role.OPERATOR)),
    ],
)  # fmt: skip
def test_names_and_roles_come_from_the_claims_that_the_settings_name(said, claims, settings, person):
    """Providers differ; what is unclear makes a viewer."""
    said.claims |= claims

    assert there_and_back(provider_of(said, **settings), said) == person


def test_what_the_token_leaves_out_is_asked_for_beside_it(said):
    """Many keep it small. Another person's isn't taken."""
    said.claims = {}

    assert there_and_back(provider_of(said), said) == Person("maria", Role.OPERATOR)
    said.pages["/me"] = {**said.pages["/me"], "sub": "8"}
    assert refusal(provider_of(said), said).why is Why.INVALID


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["console", "another"], "azp": "another"},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"sub": None},
        {"nbf": 9_000_000_000},
        {"at_hash": "AAAA"},
    ],
)
def test_a_token_that_is_not_for_this_journey_is_not_believed(said, claims):
    """Another client's, yesterday's, or one that was caught elsewhere."""
    said.claims |= claims

    assert refusal(provider_of(said), said).why is Why.INVALID


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (OTHER, "RS256"),
        (KEY, "HS256"),
        (KEY, "none"),
    ],
    ids=["another key", "our own public key as a secret", "no signature"],
)
def test_a_signature_that_the_provider_did_not_make_is_not_believed(said, key, alg):
    """Also where it says that it makes such ones."""
    said.key, said.alg = key, alg

    assert refusal(provider_of(said), said).why is Why.INVALID
    assert not {"none", "HS256"} & set(ALGORITHMS)


def test_a_key_that_is_new_is_asked_for_but_not_again_and_again(said):
    """Providers change their keys; and whoever sends rubbish doesn't make us ask for them each time."""
    clock = Clock()
    provider = provider_of(said, clock=clock)
    said.keys = [KEY]
    there_and_back(provider, said)
    said.key, said.alg = CURVE, "ES256"
    said.keys = [CURVE]

    assert refusal(provider, said).why is Why.INVALID
    clock.now = 61.0
    assert there_and_back(provider, said).name == "maria"
    said.key = OTHER
    said.alg = "RS256"
    for _ in range(3):
        refusal(provider, said)

    assert len([path for path, _ in said.asked if path == "/jwks"]) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"state": "another"}, Why.EXPIRED),
        ({"state": "\xe9"}, Why.EXPIRED),
        ({"iss": "http://elsewhere.example"}, Why.INVALID),
        ({"error": "access_denied"}, Why.REFUSED),
    ],
)
def test_who_was_sent_by_somebody_else_is_not_let_in(said, answer, why):
    """A link in a letter signs nobody in as another person."""
    assert refusal(provider_of(said), said, **answer).why is why
    assert "/token" not in {path for path, _ in said.asked}


@pytest.mark.parametrize(
    ("path", "page", "why"),
    [
        ("/.well-known/openid-configuration", None, Why.UNREACHABLE),
        ("/.well-known/openid-configuration", b"<html>", Why.UNREACHABLE),
        ("/.well-known/openid-configuration", [], Why.UNREACHABLE),
        ("/.well-known/openid-configuration", b" " * 2_000_000, Why.UNREACHABLE),
        ("/.well-known/openid-configuration", {}, Why.INVALID),
        ("/.well-known/openid-configuration", {"issuer": "http://elsewhere.example"}, Why.INVALID),
        ("/token", None, Why.UNREACHABLE),
        ("/token", b"<html>", Why.UNREACHABLE),
        ("/token", {"error": "invalid_grant"}, Why.REFUSED),
        ("/token", {"access_token": "a", "token_type": "Bearer"}, Why.INVALID),
        ("/token", {"id_token": "a.b.c"}, Why.INVALID),
        ("/token", {"id_token": 7}, Why.INVALID),
        ("/jwks", None, Why.UNREACHABLE),
        ("/jwks", {}, Why.INVALID),
        ("/jwks", {"keys": [{"kty": "no"}]}, Why.INVALID),
    ],
)
def test_a_provider_that_talks_nonsense_lets_nobody_in(said, path, page, why):
    """And nothing that it says is a traceback."""
    said.pages[path] = page

    assert refusal(provider_of(said), said).why is why


@pytest.mark.parametrize("name", [None, "", "  ", 7, "ma\nria"])
def test_without_a_name_nobody_is_let_in(said, name):
    """It would stand in the alerts."""
    said.claims["preferred_username"] = name
    said.pages["/me"] = {"sub": "7"}

    error = refusal(provider_of(said), said)

    assert error.why is Why.NAMELESS
    assert "console.oidc_name_claim" in str(error)


def test_what_the_provider_says_of_itself_is_asked_once_an_hour(said):
    """Signing in costs two questions, not four."""
    clock = Clock()
    provider = provider_of(said, clock=clock)
    for hours in (0, 0.5, 1.1):
        clock.now = hours * 3600
        there_and_back(provider, said)

    paths = [path for path, _ in said.asked]
    assert (paths.count("/.well-known/openid-configuration"), paths.count("/jwks")) == (2, 2)


@pytest.mark.parametrize(
    ("path", "then"),
    [
        ("/report?hours=8", "/report?hours=8"),
        ("/asset/press%201", "/asset/press%201"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("/a\\b", "/"),
        ("https://elsewhere.example", "/"),
        ("", "/"),
        ("/\n", "/"),
        ("/" + "a" * 600, "/"),
    ],
)
def test_nobody_is_sent_to_another_host_afterwards(path, then):
    """A link to our sign-in page can't end elsewhere."""
    assert own_path(path) == then


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"oidc_client_id": None}, "without oidc_client_id"),
        ({"public_url": None}, "without public_url"),
        ({"oidc_scopes": ("profile",)}, "lacks openid"),
        ({"oidc_issuer": "http://id.plant.example"}, "oidc_issuer is http"),
        ({"public_url": "http://console.plant.example"}, "public_url is http"),
        ({"public_url": "https://console.plant.example/andon"}, "public_url"),
    ],
)
def test_settings_that_are_half_or_in_the_clear_are_refused(settings, why):
    """Before anybody is sent anywhere."""
    whole = {
        "oidc_issuer": "https://id.plant.example",
        "oidc_client_id": "console",
        "public_url": "https://console.plant.example",
    }
    Console(**whole)

    with pytest.raises(ValueError, match=why):
        Console(**whole | settings)
