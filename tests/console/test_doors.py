"""Who is let in, what they may do, and for how long."""

import pytest

from console.doors import GUESSES_MAX, GUESSES_S, Door, Guesses
from console.serving import check_doors
from console.users import Person, Role, Users, add_user
from contracts.console import Console
from contracts.errors import ConfigError

PASSWORD = "correct horse battery"
OIDC = {
    "oidc_issuer": "https://id.plant.example",
    "oidc_client_id": "console",
    "public_url": "https://console.plant.example",
}


@pytest.fixture(scope="module")
def users_file(tmp_path_factory):
    """Maria is an operator, and the wall board a viewer."""
    path = tmp_path_factory.mktemp("users") / "users"
    add_user(path, "maria", Role.OPERATOR, PASSWORD)
    add_user(path, "wallboard", Role.VIEWER, PASSWORD)
    return path


class Clock:
    """A clock that is set."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):  # noqa: D102 - as its class says
        return self.now


def door_of(users=None, *, clock=None, secret=b"s", **settings):
    return Door(Console(**settings), users, secret=secret, local="tom", clock=clock or Clock())


def visit(door, *, address="127.0.0.1", headers=(), cookie=None):
    return door.visit(address=address, headers=dict(headers), cookie=cookie)


def test_without_users_whoever_sits_at_this_machine_is_an_operator():
    """A newcomer on a laptop signs in nowhere."""
    found = visit(door_of())

    assert found.person == Person("tom", Role.OPERATOR)
    assert found.token


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "console.plant.example"])  # noqa: S104
def test_a_network_is_not_let_in_before_it_is_said_who_may(host):
    """A plant isn't opened to everybody by one setting."""
    with pytest.raises(ConfigError, match=r"nobody has to sign in.*\n?.*add-user"):
        check_doors(Console(host=host))

    check_doors(Console(host=host, users_file="users"))
    check_doors(Console(host=host, proxy_user_header="X-Forwarded-User"))
    check_doors(Console(host=host, **OIDC))


def test_a_session_says_who_it_is_until_its_hours_are_over(users_file):
    """A shift and a bit; then one signs in again."""
    clock = Clock()
    door = door_of(Users(users_file), clock=clock, users_file=str(users_file), session_h=12)
    cookie, lasts_s = door.session_of(Person("maria", Role.OPERATOR))

    assert lasts_s == 12 * 3600
    assert visit(door, cookie=cookie).person == Person("maria", Role.OPERATOR)
    clock.now += lasts_s - 1
    assert visit(door, cookie=cookie) is not None
    clock.now += 2
    assert visit(door, cookie=cookie) is None


def test_a_session_outlives_the_server_but_not_its_secret(users_file):
    """A restart of the console signs nobody out; a stolen cookie of another plant opens nothing."""
    users = Users(users_file)
    cookie, _ = door_of(users, users_file="x").session_of(Person("maria", Role.OPERATOR))

    assert visit(door_of(users, users_file="x"), cookie=cookie) is not None
    assert visit(door_of(users, users_file="x", secret=b"other"), cookie=cookie) is None


def test_a_cookie_that_was_changed_is_nobodys(users_file):
    """Every byte of it is signed."""
    door = door_of(Users(users_file), users_file="x")
    cookie, _ = door.session_of(Person("wallboard", Role.VIEWER))
    text, _, signature = cookie.partition(".")
    other, _ = door.session_of(Person("maria", Role.OPERATOR))

    for bad in (
        "",
        ".",
        text,
        f"{text}.",
        f"{text}.{signature[:-1]}0x",
        f"{other.split('.')[0]}.{signature}",
        "é.é",
        None,
    ):
        assert visit(door, cookie=bad) is None


def test_who_is_removed_or_gets_another_password_is_out_at_once(tmp_path):
    """Nobody waits for a session to end."""
    path = tmp_path / "users"
    add_user(path, "maria", Role.OPERATOR, PASSWORD)
    add_user(path, "tom", Role.VIEWER, PASSWORD)
    users = Users(path)
    door = door_of(users, users_file="x")
    maria, _ = door.session_of(Person("maria", Role.OPERATOR))
    tom, _ = door.session_of(Person("tom", Role.VIEWER))

    add_user(path, "maria", Role.OPERATOR, "another password")
    assert visit(door, cookie=maria) is None
    assert visit(door, cookie=tom) is not None

    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("tom")))
    assert visit(door, cookie=tom) is None


def test_a_role_is_that_of_the_file_now(tmp_path):
    """A viewer who becomes an operator doesn't sign in anew; nor does it take that to take it back."""
    path = tmp_path / "users"
    add_user(path, "maria", Role.VIEWER, PASSWORD)
    door = door_of(Users(path), users_file="x")
    cookie, _ = door.session_of(Person("maria", Role.VIEWER))

    path.write_text(path.read_text().replace(":viewer:", ":operator:"))

    assert visit(door, cookie=cookie).person.role is Role.OPERATOR


def test_a_proxy_says_who_it_is_and_only_that_proxy():
    """A header that anybody can send counts from one address only."""
    door = door_of(proxy_user_header="X-User", proxy_role_header="X-Groups", proxy_addresses=("10.0.0.1",))

    operator = visit(door, address="10.0.0.1", headers={"x-user": "maria", "x-groups": "staff, operator"})
    viewer = visit(door, address="10.0.0.1", headers={"x-user": "tom", "x-groups": "operators"})

    assert operator.person == Person("maria", Role.OPERATOR)
    assert viewer.person == Person("tom", Role.VIEWER)
    assert operator.token != viewer.token
    assert visit(door, address="10.0.0.2", headers={"x-user": "maria", "x-groups": "operator"}) is None
    assert visit(door, address="10.0.0.1", headers={"x-user": " "}) is None
    assert visit(door, address="10.0.0.1", headers={"x-user": "ma\x1bria"}) is None
    assert visit(door, address="10.0.0.1") is None


def test_a_proxy_that_tells_no_groups_lets_in_viewers():
    """Nobody becomes an operator because something wasn't set."""
    door = door_of(proxy_user_header="X-User")

    assert visit(door, headers={"x-user": "maria", "x-groups": "operator"}).person.role is Role.VIEWER


def test_a_session_by_a_provider_keeps_its_role_and_ends_with_its_hours(users_file):
    """Whoever the plant's provider has named; no line in the file of users is needed, and none is asked."""
    clock = Clock()
    door = door_of(clock=clock, **OIDC)
    cookie, lasts_s = door.session_of(Person("jens", Role.OPERATOR), by_provider=True)

    assert visit(door, cookie=cookie).person == Person("jens", Role.OPERATOR)
    assert visit(door) is None
    assert visit(door_of(Users(users_file), clock=clock, **OIDC), cookie=cookie).person.role is Role.OPERATOR
    clock.now += lasts_s + 1
    assert visit(door, cookie=cookie) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"oidc_issuer": "https://id2.plant.example"},
        {"oidc_client_id": "another"},
        {"oidc_operator_group": "boss"},
        {"oidc_role_claim": "roles"},
        {"oidc_issuer": None},
    ],
)
def test_sessions_by_a_provider_end_when_the_settings_say_another(users_file, changed):
    """Who was let in by what doesn't count any more signs in anew."""
    cookie, _ = door_of(**OIDC).session_of(Person("maria", Role.OPERATOR), by_provider=True)

    assert visit(door_of(Users(users_file), **OIDC | changed), cookie=cookie) is None


def test_a_session_of_the_file_is_none_of_the_provider_and_the_other_way_round(users_file):
    """A name alone opens nothing: it has to have been given by the same."""
    users = Users(users_file)
    by_file, _ = door_of(users, users_file="x").session_of(Person("wallboard", Role.VIEWER))

    assert visit(door_of(**OIDC), cookie=by_file) is None
    assert visit(door_of(users, **OIDC), cookie=by_file).person == Person("wallboard", Role.VIEWER)


def test_cookies_are_for_tls_but_on_this_machine():
    """Off this machine a session never travels in the clear, unless it is said so."""
    assert not door_of().secure
    assert door_of(host="0.0.0.0").secure  # noqa: S104
    assert not door_of(host="0.0.0.0", cookie_secure=False).secure  # noqa: S104
    assert door_of(cookie_secure=True).secure
    assert door_of(public_url="https://console.plant.example").secure
    assert not door_of(host="0.0.0.0", public_url="http://localhost:9480").secure  # noqa: S104


def test_after_five_wrong_passwords_one_waits():
    """Guessing takes years."""
    clock = Clock()
    guesses = Guesses(clock)

    for _ in range(GUESSES_MAX):
        assert guesses.wait_s("name maria", "address 1") == 0
        guesses.wrong("name maria", "address 1")

    assert guesses.wait_s("name maria") == GUESSES_S
    assert guesses.wait_s("name tom", "address 1") == GUESSES_S
    assert guesses.wait_s("name tom", "address 2") == 0
    clock.now += GUESSES_S + 1
    assert guesses.wait_s("name maria", "address 1") == 0


def test_a_right_password_forgives_the_wrong_ones():
    """A typing error before doesn't count tomorrow."""
    guesses = Guesses(Clock())
    for _ in range(GUESSES_MAX):
        guesses.wrong("name maria")

    guesses.right("name maria")

    assert guesses.wait_s("name maria") == 0


def test_guessers_are_bounded(monkeypatch):
    """Ever-new names don't fill the memory."""
    monkeypatch.setattr("console.doors.GUESSERS_MAX", 3)
    guesses = Guesses(Clock())
    for number in range(50):
        guesses.wrong(f"name {number}")

    assert len(guesses._wrong) == 3
