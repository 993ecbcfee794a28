"""Signing in at a real identity provider, in a real browser: there and back, as a viewer and as an operator."""

import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from console.oidc import OidcProvider
from console.serving import Serving
from console.users import Role, add_user
from tests.alarm_states import alarm_state
from tests.console.browser import open_browser
from tests.console.identity import identity_provider
from tests.console.plants import Desk, plant_of, state_record
from tests.deploy.broker import free_port

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """`house(client_id=…)` serves a console whose people sign in at a provider; and a browser to do it with."""
    folder = tmp_path_factory.mktemp("signing-in")
    with ExitStack() as opened:
        browser = opened.enter_context(open_browser())
        port = free_port()
        public_url = f"http://127.0.0.1:{port}"
        issuer = opened.enter_context(identity_provider(f"{public_url}/api/oidc/callback"))
        users = folder / "users"
        add_user(users, "wallboard", Role.VIEWER, PASSWORD)
        told, desk = [], Desk()

        def serve(*, client_secret, **console):
            settings = {"oidc_client_id": "console", "store": str(folder / "console.db"), **console}
            plant = plant_of(
                desk=desk, port=port, public_url=public_url, oidc_issuer=issuer, users_file=str(users), **settings
            )
            provider = OidcProvider(
                plant.settings.console, client_secret=client_secret, clock=time.monotonic, tell=told.append
            )
            serving = Serving(plant, local="nobody", fault=told.append, provider=provider)
            serving.take_states([state_record(alarm_state())], complete=True)
            return serving

        yield SimpleNamespace(serve=serve, browser=browser, url=public_url, issuer=issuer, told=told, desk=desk)


def sign_in(screen, name, *, path="/"):
    """As a person does: our page, the provider's two forms, our page."""
    screen.page.context.route("**/fonts.googleapis.com/**", lambda route: route.abort())  # its forms ask for letters
    screen.open(path)
    screen.page.click("a:has-text('Sign in at localhost')")
    screen.page.fill("input[name=login]", name)
    screen.page.fill("input[name=password]", "any")
    screen.page.click("button[type=submit]")
    screen.page.click("button[type=submit]:has-text('Continue')")
    screen.page.wait_for_selector(".who-here")


def test_an_operator_comes_back_to_where_they_wanted_to_and_may_act(house):
    """The name that the provider says stands in what they do; the session is one that no script has."""
    with house.serve(client_secret="s3cret: /?&"), house.browser.screen(house.url) as screen:
        sign_in(screen, "op-maria", path="/report?x=1")

        assert screen.page.url == f"{house.url}/report?x=1"
        assert screen.page.inner_text(".who-here").split() == ["op-maria", "operator"]
        alert = alarm_state().alert
        assert screen.send({"command": "acknowledge", "asset": alert.asset, "alert_id": alert.alert_id})["done"]
        assert house.desk.orders[-1].by == "op-maria"
        cookies = {each["name"]: each for each in screen.page.context.cookies(house.url)}
        assert (cookies["andon_session"]["httpOnly"], cookies["andon_session"]["sameSite"]) == (True, "Strict")
        assert "andon_journey" not in cookies
        screen.page.reload()
        screen.page.wait_for_selector(".who-here")
        screen.page.click("button:has-text('Sign out')")
        screen.page.wait_for_selector("a:has-text('Sign in at localhost')")
    assert house.told == []


@pytest.mark.parametrize(
    ("client_id", "client_secret"), [("public", None), ("posting", "s3cret")], ids=["public", "posting"]
)
def test_others_whom_the_provider_knows_are_viewers(house, client_id, client_secret):
    """Whether the console has a secret or not, and however the provider wants to hear it."""
    with (
        house.serve(client_secret=client_secret, oidc_client_id=client_id),
        house.browser.screen(house.url) as screen,
    ):
        sign_in(screen, "jens")

        assert screen.page.inner_text(".who-here").split() == ["jens", "viewer"]
        alert = alarm_state().alert
        answer = screen.send({"command": "acknowledge", "asset": alert.asset, "alert_id": alert.alert_id})
        assert answer == {"fault": "Viewers look: an operator may do this."}


def test_a_refusal_is_said_and_a_password_still_opens(house):
    """Who has no account there may have one here; why it failed exactly is for the log."""
    told = len(house.told)
    with house.serve(client_secret="wrong"), house.browser.screen(house.url) as screen:
        screen.page.context.route("**/fonts.googleapis.com/**", lambda route: route.abort())
        screen.page.click("a:has-text('Sign in at localhost')")
        screen.page.fill("input[name=login]", "jens")
        screen.page.fill("input[name=password]", "any")
        screen.page.click("button[type=submit]")
        screen.page.click("button[type=submit]:has-text('Continue')")
        screen.until(lambda: "has refused" in screen.page.inner_text(".fault"), "it is said")
        assert screen.page.url == f"{house.url}/"
        assert screen.axe() == []

        screen.page.fill("input[name=name]", "wallboard")
        screen.page.fill("input[name=password]", PASSWORD)
        screen.page.click("button:has-text('Sign in')")
        screen.page.wait_for_selector(".who-here")
        assert screen.page.inner_text(".who-here").split() == ["wallboard", "viewer"]
    assert [str(error) for error in house.told[told:]] == ["no token for a code: invalid_client"]
