"""Secrets that others can read are found before anybody else finds them."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import BaseModel

from andon.secrets_check import _NAMES, exposed_secrets
from contracts.loading import load
from contracts.settings import Settings


@pytest.fixture
def told(tmp_path):
    """What is said of an andon.toml: `told(text, **variables)`; `{here}` in the text is the folder of its files."""

    def run(text, *, mode=0o600, **variables):
        file = tmp_path / "andon.toml"
        file.write_text(text.replace("{here}", str(tmp_path)), encoding="utf-8")
        file.chmod(mode)
        return [str(problem) for problem in exposed_secrets(load(file, variables), file)]

    return run


def kept(folder, name, *, mode):
    """A file with a secret."""
    path = folder / name
    path.write_text("s3cret\n", encoding="ascii")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o600, "known to whoever gets a copy of the file"),
        (0o644, r"known to everybody on this machine, for that file is readable by everybody (mode 0644)"),
    ],
)
def test_a_password_in_the_settings_themselves_is_told_and_not_shown(told, mode, who):
    """The line names the key and the way out."""
    (said,) = told('[kafka.client]\n"sasl.username" = "andon"\n"sasl.password" = "s3cret"\n', mode=mode)

    assert said.startswith('kafka.client."sasl.password": stands in andon.toml itself')
    assert who in said
    assert 'give "sasl.password_file"' in said
    assert "s3cret" not in said


def test_a_password_from_the_environment_is_as_it_should_be(told):
    """It is in no file."""
    assert told("", ANDON_KAFKA__CLIENT__SASL_PASSWORD="s3cret") == []


SETTINGS = """
[service]
metrics_user = "prometheus"
metrics_password_file = "{here}/metrics"
metrics_certificate_file = "{here}/certificate"
[kafka.client]
"sasl.password_file" = "{here}/kafka"
"ssl.key.location" = "{here}/key"
"ssl.ca.location" = "{here}/ca"
[commands]
keys_file = "{here}/keys"
[console]
users_file = "{here}/users"
oidc_issuer = "https://id.example"
oidc_client_id = "andon"
oidc_client_secret_file = "{here}/oidc"
public_url = "https://andon.example"
prometheus_url = "https://prometheus.example"
prometheus_token_file = "{here}/token"
[gateway]
metrics_user = "prometheus"
metrics_password_file = "{here}/gateway"
metrics_certificate_file = "{here}/gateway-certificate"
[[gateway.sparkplug]]
name = "cell"
host = "localhost"
user = "andon"
password_file = "{here}/mqtt"
[gateway.unified]
user = "andon"
password_file = "{here}/unified"
"""
NAMED = {
    'kafka.client."sasl.password_file"': "kafka",
    'kafka.client."ssl.key.location"': "key",
    "service.metrics_certificate_file": "certificate",
    "gateway.metrics_certificate_file": "gateway-certificate",
    "service.metrics_password_file": "metrics",
    "commands.keys_file": "keys",
    "console.users_file": "users",
    "console.oidc_client_secret_file": "oidc",
    "console.prometheus_token_file": "token",
    "gateway.metrics_password_file": "gateway",
    "gateway.cell.password_file": "mqtt",
    "gateway.unified.password_file": "unified",
}


def test_files_with_secrets_that_everybody_may_read_are_told_one_by_one(told, tmp_path):
    """All that the settings name, with the command that mends it; what holds no secret may be read."""
    for name in (*NAMED.values(), "ca"):
        kept(tmp_path, name, mode=0o644)

    assert told(SETTINGS) == [
        f"{key}: {tmp_path / name} holds a secret, and is readable by everybody (mode 0644). "
        f"chmod 600 {tmp_path / name}"
        for key, name in NAMED.items()
    ]


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640])
def test_files_for_their_owner_and_its_group_are_as_they_should_be(told, tmp_path, mode):
    """Containers and service managers hand secrets over by the group."""
    for name in (*NAMED.values(), "ca"):
        kept(tmp_path, name, mode=mode)

    assert told(SETTINGS) == []


def test_a_file_that_everybody_may_write_is_told_too(told, tmp_path):
    """Whoever writes the keys of commands may command."""
    kept(tmp_path, "keys", mode=0o602)

    (said,) = told(SETTINGS)

    assert "writable by everybody (mode 0602)" in said


def test_files_that_are_not_there_are_not_spoken_of(told):
    """They are on another machine, or whoever reads them says so."""
    assert told(SETTINGS) == []


PUBLIC = {"ca_file", "oidc_ca_file", "metrics_certificate_file", "certificate"}
"""What everybody may read: a certificate is shown to whoever connects."""


def files_of(section):
    """The names of all settings, at any depth, that say where a file or a key is."""
    for name, field in section.model_fields.items():
        inner = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        sections = [part for part in inner if issubclass(part, BaseModel)]
        for part in sections:
            yield from files_of(part)
        if not sections and (name.endswith("_file") or name in {"certificate", "private_key"}):
            yield name


def test_every_file_that_the_settings_name_is_known_as_a_secret_or_as_none():
    """A setting that is new is looked after, too, or somebody has said why not."""
    found = set(files_of(Settings))

    assert found - PUBLIC == set(_NAMES)
    assert found & PUBLIC == PUBLIC
