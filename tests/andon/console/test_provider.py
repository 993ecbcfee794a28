"""The plant's identity provider by the settings: what is missing is said before anything is served."""

import sys

import pytest

from andon.console.provider import provider_of
from contracts.console import Console
from contracts.errors import ConfigError


def settings_of(**more):
    return Console(
        oidc_issuer="https://id.plant.example",
        oidc_client_id="console",
        public_url="https://console.plant.example/",
        **more,
    )


def test_it_is_not_asked_anything_before_somebody_signs_in(tmp_path):
    """A console starts also where its provider is away."""
    (tmp_path / "secret").write_text("s3cret\n")

    provider = provider_of(settings_of(oidc_client_secret_file=str(tmp_path / "secret")), tell=lambda _error: None)

    assert provider.redirect_url == "https://console.plant.example/api/oidc/callback"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("oidc_client_secret_file", None, "oidc_client_secret_file: .* can't be read"),
        ("oidc_ca_file", None, "oidc_ca_file: .* can't be used"),
        ("oidc_ca_file", "no certificate", "oidc_ca_file: .* can't be used"),
    ],
)
def test_a_file_that_is_missing_or_another_is_told(tmp_path, name, content, why):
    """With the setting that names it."""
    if content is not None:
        (tmp_path / "file").write_text(content)

    with pytest.raises(ConfigError, match=why):
        provider_of(settings_of(**{name: str(tmp_path / "file")}), tell=lambda _error: None)


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    """Most plants don't need it, so it isn't there by itself."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("authlib", "joserfc")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "console.oidc", raising=False)
    monkeypatch.setitem(sys.modules, "authlib", None)

    with pytest.raises(ConfigError, match=r"pip install 'andon\[oidc\]'"):
        provider_of(settings_of(), tell=lambda _error: None)
