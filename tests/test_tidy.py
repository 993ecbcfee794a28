"""The whole repository keeps its habits: each rule reads every tracked file, and is itself shown what it must find."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT_BYTES_MAX = 2_000_000

# Written in two halves, so that this file keeps the rules that it states.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "repo.maven." + "apache.org",
    "repo1." + "maven.org",
    "registry." + "npmjs.org",
    "registry." + "yarnpkg.com",
    "proxy." + "golang.org",
    "index." + "crates.io",
]
LATER, NEVER = "TO" + "DO", "FIX" + "ME"

Rule = Callable[[str, str], list[str]]
"""(path in the repository, text) -> what is wrong."""


def no_machine_paths(path: str, text: str) -> list[str]:
    """No path that exists on one person's machine only."""
    found = re.findall(r"(?<![\w.~}/-])/(?:root|work|home/\w+|Users/\w+)(?=[/\s\"'`):,;]|$)", text, flags=re.MULTILINE)
    return [f"{path}: the path {name} is of one machine" for name in found]


def no_registry_hosts(path: str, text: str) -> list[str]:
    """No host of a package registry, and no option that chooses one: that is for the user's own configuration."""
    hosts = [f"{path}: names the registry {host}" for host in REGISTRIES if host in text]
    options = re.findall(r"--(?:(?:extra-)?index-url|find-links)", text)
    return hosts + [f"{path}: chooses a registry by {option}" for option in options]


def module_says_what_it_is(path: str, text: str) -> list[str]:
    """Every module begins with a docstring; an empty `__init__.py` has nothing to say."""
    if not path.endswith(".py") or not text.strip() or ast.get_docstring(ast.parse(text)):
        return []
    return [f"{path}: no module docstring"]


def thing_has_a_name(path: str, _text: str) -> list[str]:
    """No module named for holding this and that."""
    if Path(path).name in {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}:
        return [f"{path}: name the thing that it holds"]
    return []


def later_has_a_number(path: str, text: str) -> list[str]:
    """What is left for later carries a number; what is broken isn't left."""
    if path.endswith(".md"):
        return []
    later = re.findall(rf"\b{LATER}\b(?! ?\(?#?\d)", text)
    never = re.findall(rf"\b{NEVER}\b", text)
    return [f"{path}: {word} without a number" for word in later] + [f"{path}: {word}" for word in never]


def exports_are_sorted(path: str, text: str) -> list[str]:
    """`__all__` lists constants, then classes, then functions, each by the alphabet."""
    if not path.endswith(".py"):
        return []
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            names = ast.literal_eval(node.value)
            if list(names) != sorted(names, key=as_ruff_sorts):
                return [f"{path}: __all__ isn't sorted"]
    return []


RULES: list[Rule] = [
    no_machine_paths,
    no_registry_hosts,
    module_says_what_it_is,
    thing_has_a_name,
    later_has_a_number,
    exports_are_sorted,
]


@pytest.mark.parametrize("rule", RULES)
def test_every_tracked_file_keeps_the_rule(rule: Rule) -> None:
    """Whoever opens any file of the repository finds the habits that the contributing page promises."""
    faults = [fault for path, text in tracked_texts() for fault in rule(path, text)]

    assert faults == []


def test_the_rules_look_at_this_repository() -> None:
    """The rules are not kept by looking at nothing."""
    paths = {path for path, _ in tracked_texts()}

    assert {"Makefile", "pyproject.toml", "contracts/readings.py", "tests/conftest.py", ".ci/run"} <= paths


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (no_machine_paths, "a.py", 'open("/' + 'root/data.csv")'),
        (no_machine_paths, "a.toml", "dir = '/" + "work/main'"),
        (no_machine_paths, "a.md", "see /" + "home/maria/notes"),
        (no_machine_paths, "a.md", "/" + "Users/maria"),
        *[(no_registry_hosts, "constraints.txt", f"https://{host}/simple") for host in REGISTRIES],
        (no_registry_hosts, "a.md", "pip install --" + "index-url x"),
        (module_says_what_it_is, "a.py", "import os\n"),
        (thing_has_a_name, "detectors/utils.py", '"""This and that."""'),
        (later_has_a_number, "a.py", f"# {LATER} faster"),
        (later_has_a_number, "Makefile", f"# {LATER}: faster"),
        (later_has_a_number, "a.py", f"# {NEVER} #3 wrong"),
        (exports_are_sorted, "a.py", '__all__ = ["b", "a"]'),
        (exports_are_sorted, "a.py", '__all__ = ["a", "Z", "MAX"]'),
    ],
)
def test_a_rule_finds_the_bad_snippet(rule: Rule, path: str, text: str) -> None:
    """A rule that finds nothing anywhere would be worse than none."""
    assert len(rule(path, text)) == 1


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (no_machine_paths, "a.py", "/var/lib/andon, docs/home/x, ${DIR}/work/x, ~/work, /homeward, https://a.org/work"),
        (no_registry_hosts, "pom.xml", "http://maven.apache.org/POM/4.0.0"),
        (module_says_what_it_is, "a/__init__.py", ""),
        (module_says_what_it_is, "a.py", '"""What it is."""\n'),
        (thing_has_a_name, "detectors/limit.py", ""),
        (later_has_a_number, "a.py", f"# {LATER}(#12): faster; {LATER} 12, {LATER} (12)"),
        (later_has_a_number, "CONTRIBUTING.md", f"a {LATER} carries a number"),
        (exports_are_sorted, "a.py", '__all__ = ["MAX", "Alert", "alert_id"]'),
    ],
)
def test_a_rule_lets_the_good_snippet_pass(rule: Rule, path: str, text: str) -> None:
    """A rule that cries wolf gets switched off."""
    assert rule(path, text) == []


def tracked_texts() -> Iterator[tuple[str, str]]:
    """(path, text) of every text file that git tracks here."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of tracked files")
    # The checkout may belong to another user than the one that tests it, as in containers.
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for path in listed.stdout.split("\0"):
        file = ROOT / path
        if path and file.is_file() and file.stat().st_size <= TEXT_BYTES_MAX:
            content = file.read_bytes()
            if b"\0" not in content:
                yield path, content.decode()


def as_ruff_sorts(name: str) -> tuple[int, list[tuple[int, int, str]]]:
    """Constants, classes, the rest; within each by the alphabet, and numbers by their size."""
    rank = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    parts = re.findall(r"\d+|\D+", name)
    return rank, [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
