"""`andon console add-user`, and how the console begins, or doesn't."""

import pytest
from click.testing import CliRunner

from andon.cli import cli
from console.users import Role, Users


@pytest.fixture
def settings(tmp_path):
    """Settings that name a file of users."""
    file = tmp_path / "andon.toml"
    file.write_text(f'[console]\nusers_file = "{tmp_path / "users"}"\n')
    return file


def run(*arguments, text=""):
    return CliRunner().invoke(cli, ["console", *arguments], input=text)


def test_a_user_who_is_added_may_sign_in(settings, tmp_path):
    """The password comes from a pipe, and is in nobody's history of commands."""
    done = run("--settings", str(settings), "add-user", "maria", "--role", "operator", text="correct horse battery\n")

    assert done.exit_code == 0, done.output
    assert "maria may sign in as operator" in done.output
    assert Users(tmp_path / "users").check("maria", "correct horse battery").role is Role.OPERATOR


def test_a_user_who_is_added_again_is_told_as_that(settings):
    """A changed password is no new person."""
    run("--settings", str(settings), "add-user", "maria", text="correct horse battery\n")

    done = run("--settings", str(settings), "add-user", "maria", text="another password\n")

    assert "maria now signs in as viewer" in done.output


@pytest.mark.parametrize(
    ("arguments", "text", "says"),
    [
        (["maria"], "short\n", "a password has at least 10 characters"),
        (["ma ria"], "correct horse battery\n", "a name has 1 to 64 characters"),
        (["maria", "--role", "admin"], "", "'admin' is not one of"),
    ],
)
def test_what_will_not_do_is_refused_with_what_would(settings, arguments, text, says):
    """Exit code 2, as everywhere."""
    done = run("--settings", str(settings), "add-user", *arguments, text=text)

    assert done.exit_code == 2
    assert says in done.output


def test_without_a_file_to_write_to_it_asks_where(tmp_path):
    """No default place is made up."""
    file = tmp_path / "andon.toml"
    file.write_text("")

    done = run("--settings", str(file), "add-user", "maria", text="correct horse battery\n")

    assert done.exit_code == 2
    assert "Set console.users_file in the settings, or give --users FILE." in done.output
