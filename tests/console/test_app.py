"""The server: what it shows to whom, what it refuses, and what every browser is told."""

import asyncio
import time
from dataclasses import replace

import httpx
import pytest

from andon.table import Table
from console.app import Console as ConsolePages
from console.app import app
from console.doors import CSRF_HEADER, GUESSES_MAX, Door, Guesses
from console.journey import Journey, NotSignedInError, Why
from console.live import Live
from console.plant import Order
from console.shared import Shared
from console.sign_in import SignIn
from console.users import Person, Role, Users, add_user
from contracts.alarm_states import Hold
from tests.alarm_states import T0, alarm_state
from tests.console.plants import Desk, heard, plant_of, state_record, stores

PASSWORD = "correct horse battery"
GETS = [
    "/api/events",
    "/api/assets",
    "/api/asset",
    "/api/trend",
    "/api/alarm/0",
    "/api/report",
    "/api/system",
    "/api/past",
]


class Browser:
    """Asks without a socket, and keeps cookies."""

    def __init__(self, built, *, host):
        self._transport = httpx.ASGITransport(built, client=("127.0.0.1", 5))
        self._base = f"http://{host}"
        self._cookies = httpx.Cookies()

    def get(self, path, **more):
        """Ask."""
        return asyncio.run(self._ask("GET", path, **more))

    def post(self, path, **more):
        """Have something done."""
        return asyncio.run(self._ask("POST", path, **more))

    async def _ask(self, method, path, **more):
        async with httpx.AsyncClient(transport=self._transport, base_url=self._base, cookies=self._cookies) as client:
            answer = await client.request(method, path, **more)
        self._cookies = client.cookies
        return answer


class Console:
    """A console without a socket."""

    def __init__(
        self,
        folder,
        *,
        users=None,
        desk=None,
        host="localhost",
        clock=time.monotonic,
        provider=None,
        past=None,
        **settings,
    ):
        self.table = Table()
        self.desk = desk or Desk()
        plant = replace(plant_of(self.table, desk=self.desk, now_ms=T0 + 60_000, **settings), past=past)
        self.store, self.history, self.trends = stores(folder)
        self.live = Live(self.table, plant.clock)
        known = Users(users) if users is not None else None
        door = Door(plant.settings.console, known, secret=b"s", local="tom", clock=time.time)
        built = ConsolePages(
            plant=plant,
            live=self.live,
            history=self.history,
            trends=self.trends,
            store=self.store,
            sign_in=SignIn(plant=plant, door=door, users=known, provider=provider, guesses=Guesses(clock)),
            shared=Shared(clock),
        )
        self.http = Browser(app(built), host=host)

    def sign_in(self, name, password=PASSWORD):
        """As the form does; the token for what changes something."""
        answer = self.http.post("/api/login", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        return self.token()

    def token(self):
        """The page's own."""
        return self.http.get("/api/me").json()["token"]


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """Maria may do things, the wall board looks."""
    path = tmp_path_factory.mktemp("users") / "users"
    add_user(path, "maria", Role.OPERATOR, PASSWORD)
    add_user(path, "wallboard", Role.VIEWER, PASSWORD)
    return path


@pytest.fixture
def console(tmp_path):
    """Nobody signs in."""
    return Console(tmp_path)


def ack(state):
    return {"command": "acknowledge", "asset": state.alert.asset, "alert_id": state.alert.alert_id}


@pytest.mark.parametrize(
    "path", ["/", "/asset", "/asset/press-1", "/alarm/abc", "/report", "/system", "/static/console.css"]
)
def test_every_answer_forbids_what_is_not_ours(console, path):
    """No script but our own, nobody's frame, no other host."""
    headers = console.http.get(path).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize("path", GETS)
def test_whoever_has_not_signed_in_sees_nothing_of_the_plant(tmp_path, users, path):
    """The names of machines are nobody else's business."""
    console = Console(tmp_path, users=users, users_file=str(users))

    assert console.http.get(path).status_code == 401
    assert console.http.get("/api/me").json() == {"signed_in": False, "has_users": True}


def test_signing_in_gives_a_cookie_that_no_script_and_no_other_site_has(tmp_path, users):
    """HttpOnly, SameSite=Strict; Secure where it isn't this machine."""
    console = Console(tmp_path, users=users, users_file=str(users), cookie_secure=True)

    cookie = console.http.post("/api/login", json={"name": "maria", "password": PASSWORD}).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=strict", "Secure", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_an_operator_acknowledges_in_their_own_name(tmp_path, users):
    """Who did it stands in the alert, and it isn't the browser that says who."""
    console = Console(tmp_path, users=users, users_file=str(users))
    token = console.sign_in("maria")
    state = alarm_state()

    answer = console.http.post("/api/commands", json=ack(state) | {"comment": "I go"}, headers={CSRF_HEADER: token})

    assert answer.json() == {"done": True, "why": ""}
    assert console.desk.orders == [Order(document=ack(state) | {"comment": "I go"}, by="maria")]


def test_a_viewer_looks_and_changes_nothing(tmp_path, users):
    """A wall board has no hands."""
    console = Console(tmp_path, users=users, users_file=str(users))
    token = console.sign_in("wallboard")

    answer = console.http.post("/api/commands", json=ack(alarm_state()), headers={CSRF_HEADER: token})

    assert answer.status_code == 403
    assert answer.json()["fault"] == "Viewers look: an operator may do this."
    assert console.desk.orders == []
    assert console.http.get("/api/assets").status_code == 200


def test_a_command_without_the_pages_token_is_refused(tmp_path, users):
    """Another site can make a browser send a cookie, and can't read the token."""
    console = Console(tmp_path, users=users, users_file=str(users))
    console.sign_in("maria")

    for headers in ({}, {CSRF_HEADER: "0" * 64}):
        assert console.http.post("/api/commands", json=ack(alarm_state()), headers=headers).status_code == 403
    assert console.desk.orders == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1234"])
def test_a_command_from_another_page_is_refused(console, origin):
    """Also where nobody signs in."""
    headers = {CSRF_HEADER: console.token(), "origin": origin}

    assert console.http.post("/api/commands", json=ack(alarm_state()), headers=headers).status_code == 403
    assert console.desk.orders == []


def test_a_form_of_another_site_is_no_command(console):
    """What a form can send isn't JSON."""
    headers = {CSRF_HEADER: console.token(), "content-type": "text/plain"}

    assert console.http.post("/api/commands", content=b"{}", headers=headers).status_code == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"'])
def test_what_is_no_object_is_refused(console, body):
    """With what would be right."""
    headers = {CSRF_HEADER: console.token(), "content-type": "application/json"}

    answer = console.http.post("/api/commands", content=body, headers=headers)

    assert (answer.status_code, answer.json()) == (400, {"fault": "Send a JSON object."})


def test_an_endless_body_is_cut_off(console):
    """Memory is bounded."""
    headers = {CSRF_HEADER: console.token(), "content-type": "application/json"}

    assert console.http.post("/api/commands", content=b"x" * 20_000, headers=headers).status_code == 413


def test_where_nobody_signs_in_another_name_for_this_machine_is_refused(tmp_path):
    """A page elsewhere could point its own name at this machine, and read what we tell."""
    console = Console(tmp_path, host="evil.example")

    assert console.http.get("/api/me").status_code == 421


def test_wrong_passwords_are_told_alike_and_then_one_waits(tmp_path, users):
    """Nobody learns which names there are, nor guesses for long."""
    console = Console(tmp_path, users=users, users_file=str(users))

    answers = [
        console.http.post("/api/login", json={"name": name, "password": "wrong wrong wrong"})
        for name in ["maria", "nobody"] * GUESSES_MAX
    ]

    assert {(each.status_code, each.text) for each in answers[:GUESSES_MAX]} == {
        (401, '{"fault":"Name or password is wrong."}')
    }
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 200
    assert console.http.post("/api/login", json={"name": "maria", "password": PASSWORD}).status_code == 429


def test_signing_out_takes_the_cookie(tmp_path, users):
    """The next person at this screen is somebody else."""
    console = Console(tmp_path, users=users, users_file=str(users))
    token = console.sign_in("maria")

    assert console.http.post("/api/logout", json={}, headers={CSRF_HEADER: token}).status_code == 200
    assert console.http.get("/api/assets").status_code == 401


def test_where_nobody_has_a_password_there_is_nothing_to_sign_in_to(console):
    """The form isn't there for show."""
    assert console.http.post("/api/login", json={"name": "a", "password": "b"}).status_code == 404


def test_a_command_that_is_not_done_says_why(tmp_path):
    """The words of the service reach the person."""
    console = Console(tmp_path, desk=Desk(refuses="it is acknowledged already, by tom"))

    answer = console.http.post("/api/commands", json=ack(alarm_state()), headers={CSRF_HEADER: console.token()})

    assert answer.status_code == 409
    assert answer.json() == {"done": False, "why": "it is acknowledged already, by tom"}


def test_an_alarm_has_its_story(console):
    """Transitions, what stands, and how to see it again."""
    state = alarm_state(acknowledged=Hold(by="maria", since_ts=T0 + 5))
    console.live.take([state_record(state)], complete=True)
    console.history.take([heard(state)])

    story = console.http.get(f"/api/alarm/{state.alert.alert_id}").json()

    assert [line["alert"]["transition"] for line in story["lines"]] == ["raised"]
    assert story["standing"]["acknowledged"]["by"] == "maria"
    assert story["reproduce"] == [f"andon replay press-1 {T0}"]


def test_an_alarm_that_only_stands_has_a_story_too(console):
    """Its transitions may be older than what is kept."""
    state = alarm_state()
    console.live.take([state_record(state)], complete=True)

    story = console.http.get(f"/api/alarm/{state.alert.alert_id}").json()

    assert story["lines"] == []
    assert story["standing"]["said"] == state.said


def test_an_alarm_that_nobody_knows_says_so(console):
    """Not a blank page."""
    answer = console.http.get("/api/alarm/0123")

    assert answer.status_code == 404
    assert answer.json()["fault"].startswith("No alarm with this id is known")


@pytest.mark.parametrize(
    "query", ["from=5&to=5", "from=x&to=9", "from=-1&to=9", "", "from=9&to=5", "from=1&to=99999999999999999"]
)
def test_a_time_that_is_none_is_refused(console, query):
    """With what would be right."""
    for path in ("/api/trend", "/api/asset"):
        assert console.http.get(f"{path}?{query}").status_code == 400


def test_an_asset_has_its_alarms_of_a_time_and_what_people_did(console):
    """Spans for the trends, and marks for what people did."""
    state = alarm_state()
    console.live.take([state_record(state)], complete=True)
    console.history.take([heard(state)])

    found = console.http.get(f"/api/asset?name=press-1&from={T0 - 1000}&to={T0 + 1000}").json()

    (span,) = found["spans"]
    assert (span["from"], span["to"], span["priority"], span["rule"]) == (T0, None, "critical", "hh")
    assert found["notes"] == []
    assert len(found["standing"]) == 1
    assert console.http.get("/api/assets").json() == [{"asset": "press-1", "sensors": 0}]


def test_a_report_is_of_the_hours_that_were_asked_for(console):
    """And of the day before, for what began then."""
    console.history.take([heard(alarm_state(onset_ts=T0 - 3_600_000))])

    figures = console.http.get("/api/report?hours=1").json()

    assert figures == {
        "alerts": 1,
        "from": T0 + 60_001 - 3_600_000,
        "to": T0 + 60_001,
        "oldest_ts": T0 - 3_600_000,
    }


def test_the_system_says_how_it_is(console):
    """Also where the service doesn't answer."""
    system = console.http.get("/api/system").json()

    assert system["service"]["fault"] == "nobody is asked here"
    assert system["console"]["store_bytes"] > 0
    assert system["console"]["complete"] is False


def test_without_a_prometheus_there_is_no_past(console):
    """The page has no place for it then."""
    assert console.http.get("/api/past?page=system&hours=8").json() == {"configured": False}


def test_the_past_is_asked_for_once_for_all_screens(tmp_path):
    """With hours that are bounded, and no words of the browser's."""
    asked = []

    def past(*question):
        asked.append(question)
        return {"fault": "", "charts": [question[0]]}

    console = Console(tmp_path, past=past)
    now = T0 + 60_000

    for _ in range(3):
        assert console.http.get("/api/past?page=report&hours=8").json() == {
            "configured": True,
            "fault": "",
            "charts": ["report"],
        }
    console.http.get("/api/past?page=system&hours=99999999")

    assert asked == [("report", now - 8 * 3_600_000, now), ("system", now - 366 * 86_400_000, now)]
    assert console.http.get("/api/past?page=up{}&hours=8").status_code == 400


class Provider:
    """An identity provider that knows one person; or nobody, and says why."""

    def __init__(self, person=None, *, why=None):
        self.person = person
        self.why = why
        self.told = []
        self.tell = self.told.append

    def leave(self, then):
        """To its form."""
        if self.why is Why.UNREACHABLE:
            raise NotSignedInError(self.why, "it is away")
        return "https://id.plant.example/auth", Journey("state", "nonce", "verifier", then)

    def arrive(self, answer, journey):
        """From there."""
        assert (answer, journey.verifier) == ({"code": "c"}, "verifier")
        if self.why is not None:
            raise NotSignedInError(self.why, "the provider says no")
        return self.person


OIDC = {
    "oidc_issuer": "https://id.plant.example/realms/1",
    "oidc_client_id": "console",
    "public_url": "https://console.plant.example",
}


def test_who_comes_back_from_the_provider_has_a_session_and_is_where_they_wanted_to_be(tmp_path):
    """The way there is remembered by the browser that left, for one path and some minutes."""
    console = Console(tmp_path, provider=Provider(Person("maria", Role.OPERATOR)), **OIDC, cookie_secure=False)
    assert console.http.get("/api/me").json() == {
        "signed_in": False,
        "has_users": False,
        "provider": "id.plant.example",
    }

    there = console.http.get("/api/oidc/login?then=/report")
    back = console.http.get("/api/oidc/callback?code=c")

    assert (there.status_code, there.headers["location"]) == (303, "https://id.plant.example/auth")
    assert {"HttpOnly", "SameSite=lax", "Path=/api/oidc/callback", "Max-Age=600"} <= set(
        there.headers["set-cookie"].split("; ")
    )
    assert (back.status_code, back.headers["location"]) == (303, "/report")
    session, gone = back.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(session.split("; "))
    assert gone.startswith('andon_journey=""')
    assert console.http.get("/api/me").json()["name"] == "maria"
    assert console.http.get("/api/oidc/callback?code=c").headers["location"] == "/?signin=expired"
    assert console.http.get("/api/me").json()["role"] == "operator"


@pytest.mark.parametrize("why", [Why.REFUSED, Why.INVALID, Why.NAMELESS])
def test_who_is_not_let_in_comes_back_to_the_sign_in_page_with_a_word(tmp_path, why):
    """What the provider said exactly is for the log, not for an address that somebody may make up."""
    provider = Provider(why=why)
    console = Console(tmp_path, provider=provider, **OIDC, cookie_secure=False)
    console.http.get("/api/oidc/login")

    back = console.http.get("/api/oidc/callback?code=c")

    assert (back.status_code, back.headers["location"]) == (303, f"/?signin={why}")
    assert [str(error) for error in provider.told] == ["the provider says no"]
    assert console.http.get("/api/assets").status_code == 401


def test_a_provider_that_is_away_is_said_on_the_sign_in_page(tmp_path):
    """Not a blank page, and nobody is sent to nowhere."""
    console = Console(tmp_path, provider=Provider(why=Why.UNREACHABLE), **OIDC)

    assert console.http.get("/api/oidc/login").headers["location"] == "/?signin=unreachable"


def test_who_comes_back_without_having_left_is_nobody(tmp_path):
    """A link to our callback, from a letter: it signs nobody in as somebody else."""
    console = Console(tmp_path, provider=Provider(Person("mallory", Role.OPERATOR)), **OIDC)

    assert console.http.get("/api/oidc/callback?code=c").headers["location"] == "/?signin=expired"
    assert (
        console.http.get("/api/oidc/callback?code=c", headers={"cookie": "andon_journey=x.y"}).headers["location"]
        == "/?signin=expired"
    )


def test_without_a_provider_there_is_no_way_to_one(console):
    """Nobody is sent anywhere."""
    for path in ("/api/oidc/login", "/api/oidc/callback"):
        assert console.http.get(path).status_code == 404


def test_no_path_leads_out_of_our_own_files(console):
    """Nothing of the machine is served."""
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/nowhere"):
        assert console.http.get(path).status_code == 404
