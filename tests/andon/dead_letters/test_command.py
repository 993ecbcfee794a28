"""`andon dead-letters`: what it takes, and what it says."""

import pytest
from click.testing import CliRunner

from andon.dead_letters.command import command


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--follow", "--resend"], "give one of them"),
        (["--again"], "--again belongs to --resend"),
        (["--yes"], "--yes belongs to --resend"),
        (["--since", "yesterday"], "isn't a span of time like 90s, 30m, 2h or 1d"),
        (["--reason", "bad"], "'not_json'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(options, words):
    """A slip of the fingers sends nothing."""
    result = CliRunner().invoke(command, options)

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
