"""The file of users: made by a command, read by people, and of no use to whoever steals it."""

import pytest
from argon2 import PasswordHasher

from console.users import Person, Role, Users, add_user
from contracts.errors import ConfigError

PASSWORD = "correct horse battery"


def test_who_was_added_signs_in_and_nobody_else(tmp_path):
    """Name and password both count."""
    path = tmp_path / "deep" / "users"
    assert add_user(path, "maria", Role.OPERATOR, PASSWORD) is False

    users = Users(path)

    assert users.check("maria", PASSWORD) == Person("maria", Role.OPERATOR)
    assert users.check("maria", PASSWORD + "x") is None
    assert users.check("tom", PASSWORD) is None
    assert users.check("", "") is None


def test_a_user_who_is_added_again_has_the_new_password_and_role(tmp_path):
    """That is how a password is changed; others stay as they are."""
    path = tmp_path / "users"
    add_user(path, "maria", Role.VIEWER, PASSWORD)
    add_user(path, "tom", Role.VIEWER, PASSWORD)

    assert add_user(path, "maria", Role.OPERATOR, "another password") is True

    users = Users(path)
    assert users.check("maria", PASSWORD) is None
    assert users.check("maria", "another password") == Person("maria", Role.OPERATOR)
    assert users.check("tom", PASSWORD) == Person("tom", Role.VIEWER)


def test_the_file_has_no_password_in_it_and_is_its_owners(tmp_path, monkeypatch):
    """Argon2id, each with a salt of its own."""
    monkeypatch.setattr("console.users.HASHER", PasswordHasher())
    path = tmp_path / "users"
    add_user(path, "maria", Role.OPERATOR, PASSWORD)
    add_user(path, "tom", Role.OPERATOR, PASSWORD)

    text = path.read_text()
    hashes = [line.split(":", 2)[2] for line in text.splitlines()]

    assert PASSWORD not in text
    assert all(each.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for each in hashes)
    assert len(set(hashes)) == 2
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a,b", "a\n", "x" * 65])
def test_a_name_that_would_break_the_file_is_refused(tmp_path, name):
    """A line is a user."""
    with pytest.raises(ValueError, match="a name has 1 to 64 characters"):
        add_user(tmp_path / "users", name, Role.VIEWER, PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_a_password_that_is_too_short_or_endless_is_refused(tmp_path, password):
    """Ten characters at least."""
    with pytest.raises(ValueError, match="at least 10 characters"):
        add_user(tmp_path / "users", "maria", Role.VIEWER, password)


@pytest.mark.parametrize("line", ["maria", "maria:admin:$argon2id$x", "maria:viewer:plain", ":viewer:$argon2id$x"])
def test_a_line_that_is_no_user_is_named_with_what_to_do(tmp_path, line):
    """A mistake in the file is found at the start."""
    path = tmp_path / "users"
    path.write_text(f"# people\n\n{line}\n")

    with pytest.raises(ConfigError, match=r"line 3 isn't `name:role:hash`.*\n?.*add-user"):
        Users(path)


def test_a_file_that_is_missing_is_named_with_what_to_do(tmp_path):
    """Nobody wonders why nobody may sign in."""
    with pytest.raises(ConfigError, match=r"can't be read.*\n?.*add-user"):
        Users(tmp_path / "users")


def test_a_file_that_breaks_later_lets_nobody_in_until_it_is_mended(tmp_path):
    """The safe side is outside."""
    path = tmp_path / "users"
    add_user(path, "maria", Role.OPERATOR, PASSWORD)
    users = Users(path)
    whole = path.read_text()

    path.write_text("nonsense\n")
    assert users.find("maria") is None

    path.write_text(whole)
    assert users.find("maria") is not None
