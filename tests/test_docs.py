"""What the documentation names exists, and what exists is documented."""

from __future__ import annotations

import re
from pkgutil import iter_modules

import click
import pytest

import detectors
from andon.cli import cli
from contracts.key_types import is_model, types_of
from contracts.loading import parse
from contracts.readings import Reason
from contracts.settings import Settings
from dataflows.happenings import Happenings
from gateways.happenings import Happenings as GatewayHappenings
from tests.conftest import ROOT

REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
BY_NAME = {str(path.relative_to(ROOT)): path for path in PAGES}

HEADERS = {
    *("andon_reason", "andon_detail", "andon_topic", "andon_partition", "andon_offset", "andon_truncated"),
    *("andon_source", "andon_config", "andon_version", "andon_signature"),
}
"""Of alerts and dead letters: they look like metrics."""


def _rows(name):
    """The code in the first cell of each row of a page's tables."""
    text = (REFERENCE / name).read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)`", text, flags=re.MULTILINE)


def _keys(model):
    """Every key of the settings, tables within tables included."""
    for name, field in model.model_fields.items():
        for kind in types_of(field.annotation):
            inner = [kind, *getattr(kind, "__args__", ())]
            for part in inner:
                if is_model(part):
                    yield from _keys(part)
        if model is not Settings:
            yield name


def _commands(command, name):
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            yield from _commands(command.get_command(context, inner), f"{name} {inner}")


def _metrics():
    families = [*Happenings().registry.collect(), *GatewayHappenings().registry.collect()]
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}


def test_every_setting_is_documented_and_every_documented_one_exists():
    """A key that can be set can be looked up."""
    assert sorted(_rows("settings.md")) == sorted(_keys(Settings))


def test_every_reject_reason_is_documented_and_every_documented_one_exists():
    """Whoever finds a dead letter finds its reason."""
    reasons = [row for row in _rows("reject-reasons.md") if not row.startswith("andon_")]

    assert reasons == list(Reason)


def test_every_metric_is_documented_and_every_documented_one_exists():
    """A dashboard can be built from the page."""
    assert set(_rows("metrics.md")) == _metrics()


def test_every_detector_is_documented_and_every_documented_one_exists():
    """What judges a plant's readings can be read about."""
    assert _rows("detectors.md") == sorted(module.name for module in iter_modules(detectors.__path__))


def test_every_command_and_option_is_documented():
    """The page says what --help says."""
    text = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL))
    commands = dict(_commands(cli, "andon"))

    assert sections.keys() == commands.keys()
    for name, command in commands.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert all(option in sections[name] for option in parameter.opts), (name, parameter.opts)


@pytest.mark.parametrize("page", BY_NAME)
def test_every_option_in_an_example_exists(page):
    """An example that is copied runs."""
    commands = dict(_commands(cli, "andon"))
    for found in re.findall(r"^\s*(andon [a-z][^\n`]*)", BY_NAME[page].read_text(encoding="utf-8"), flags=re.MULTILINE):
        line = re.sub(r"^(andon [a-z-]+) --settings \S+ (?=[a-z])", r"\1 ", found)  # of a group, before its command
        name = max((known for known in commands if f"{line} ".startswith(f"{known} ")), key=len)
        if commands[name] is cli:
            continue  # "andon watches …": a sentence
        options = {option for parameter in commands[name].params for option in parameter.opts} | {"--help", "-h"}
        used = re.findall(r"(?<=\s)--[a-z-]+", line.split(" | ")[0].split("#")[0])
        assert set(used) <= options, line


@pytest.mark.parametrize("page", BY_NAME)
def test_every_metric_and_header_that_is_named_exists(page):
    """No alert rule is written for a metric that never was."""
    named = set(re.findall(r"\bandon_[a-z_]+[a-z]\b(?!\.)", BY_NAME[page].read_text(encoding="utf-8")))

    suffixes = {f"{name}_{part}" for name in _metrics() for part in ("bucket", "count", "sum")}
    assert named <= _metrics() | HEADERS | suffixes


@pytest.mark.parametrize("page", BY_NAME)
def test_every_variable_that_is_named_is_taken(page):
    """A variable that is copied from the page does something."""
    variables = set(re.findall(r"ANDON_[A-Z]+__[A-Z_]+", BY_NAME[page].read_text(encoding="utf-8")))
    for variable in variables - {"ANDON_SECTION__KEY"}:
        section, _, key = variable.removeprefix("ANDON_").lower().partition("__")
        model = Settings.model_fields[section].annotation

        assert key.split("__", maxsplit=1)[0] in model.model_fields, variable


@pytest.mark.parametrize("page", BY_NAME)
def test_every_settings_example_is_valid(page):
    """An example that is copied is no mistake."""
    for block in re.findall(r"```toml\n(.*?)```", BY_NAME[page].read_text(encoding="utf-8"), flags=re.DOTALL):
        parse(block, page, {})


@pytest.mark.parametrize("page", BY_NAME)
def test_every_link_within_the_repository_leads_somewhere(page):
    """Who follows a link arrives."""
    path = BY_NAME[page]
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
