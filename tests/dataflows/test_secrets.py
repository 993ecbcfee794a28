"""Secrets in files."""

from __future__ import annotations

import pytest

from contracts.errors import ConfigError
from dataflows.secrets import SECRET_BYTES_MAX, is_secret, read_secret

KEY = 'kafka.client."sasl.password_file"'


@pytest.mark.parametrize(
    ("written", "read"), [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("s3cret", "s3cret"), (" a b \n", " a b ")]
)
def test_a_secret_is_what_its_file_holds_without_the_last_line_break(tmp_path, written, read):
    """`echo` and editors end a file with a line break; a password with blanks stays as it is."""
    (tmp_path / "password").write_bytes(written.encode())

    assert read_secret(str(tmp_path / "password"), key=KEY) == read


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, r"can't be read \(No such file or directory\)"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"s3cret\xff", "isn't text in UTF-8"),
        (b"s3cret" * SECRET_BYTES_MAX, "has more than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_told_without_what_is_in_it(tmp_path, content, fault):
    """The line names the setting and the file."""
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=fault) as told:
        read_secret(str(path), key=KEY)

    assert KEY in str(told.value)
    assert str(path) in str(told.value)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("sasl.password", True),
        ("ssl.key.password", True),
        ("ssl.key.pem", True),
        ("sasl.oauthbearer.client.secret", True),
        ("sasl.oauthbearer.assertion.private.key.passphrase", True),
        ("sasl.password_file", False),
        ("ssl.key.location", False),
        ("sasl.username", False),
    ],
)
def test_what_carries_a_secret_is_known_by_its_name(name, secret):
    """librdkafka names its properties so."""
    assert is_secret(name) is secret
