"""`andon notify` as it is called; what it tells is tested with its parts and, on a real Kafka, in tests/kafka."""

import pytest
from click.testing import CliRunner

from andon.notify.alertmanager import AwayError
from andon.notify.command import _token, command

URL = "http://127.0.0.1:9093"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((), "Missing option '--alertmanager'"),
        (("--alertmanager", "127.0.0.1:9093"), "Invalid value for --alertmanager: it doesn't begin with http://"),
        (("--alertmanager", URL, "--every", "0"), "Invalid value for '--every'"),
        (("--alertmanager", URL, "--link", "plant/{asset}"), "Invalid value for --link"),
        (("--alertmanager", URL, "--ca-file", __file__), "Invalid value for --ca-file"),
        (("--alertmanager", URL, "--token-file", "/no/such/file"), "Invalid value for '--token-file'"),
        (("--alertmanager", URL, "--token", "a", "--token-file", __file__), "--token and --token-file say the same"),
        (("--alertmanager", URL) * 17, "17 Alertmanagers are more than 16"),
    ],
)
def test_a_wrong_call_is_told(arguments, fault):
    """A mistyped option is exit code 2 and one line, before anything is asked of Kafka."""
    result = CliRunner().invoke(command, arguments)

    assert result.exit_code == 2
    assert fault in result.output


def test_a_password_in_a_wrong_url_is_not_shown():
    """What is printed ends up in logs."""
    result = CliRunner().invoke(command, ["--alertmanager", "https://maria:secret@am/?x=1"])

    assert result.exit_code == 2
    assert "secret" not in result.output


def test_several_alertmanagers_may_come_from_the_environment():
    """A secret in a URL needn't be on the command line, where everybody sees it."""
    result = CliRunner().invoke(command, env={"ANDON_ALERTMANAGER": f"{URL} nonsense"})

    assert result.exit_code == 2
    assert "it doesn't begin with http://" in result.output


def test_a_token_file_is_read_anew_each_time(tmp_path):
    """A token that was renewed is used without a restart; one that is gone is told, and tried again later."""
    file = tmp_path / "token"
    file.write_text("one\n")
    token = _token("", str(file))
    assert token() == "one"

    file.write_text("two\n")
    assert token() == "two"

    file.unlink()
    with pytest.raises(AwayError, match=r"the token in .*token can't be read \(FileNotFoundError\)"):
        token()
