"""The files of the page: what was taken from others is unchanged and has its licence; nothing names another host."""

import hashlib
import re

import pytest

from tests.conftest import ROOT

STATIC = ROOT / "console" / "static"
VENDOR = STATIC / "vendor"
OURS = sorted(path for path in STATIC.rglob("*") if path.is_file() and VENDOR not in path.parents)
SUMS = {
    "preact-htm/standalone.module.js": "72284e8e9079c87817145df1110f74e8a2aa040b2fc384922e18dfcb46fc1fd7",
    "inter/inter-latin-wght-normal.woff2": "3100e775e8616cd2611beecfa23a4263d7037586789b43f035236a2e6fbd4c62",
}


@pytest.mark.parametrize("name", SUMS)
def test_what_was_taken_from_others_is_unchanged(name):
    """Who looks for the licence and the version of a file finds those of the file."""
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == SUMS[name]


@pytest.mark.parametrize("folder", sorted(path.name for path in VENDOR.iterdir()))
def test_every_part_of_others_has_its_licence_and_says_where_it_is_from(folder):
    """Three parts, three licences."""
    assert list((VENDOR / folder).glob("LICENSE*.txt"))
    assert "npm pack" in (VENDOR / folder / "README.md").read_text()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_of_ours_names_another_host_or_makes_code_of_text(path):
    """The page works in a plant without a way out, under a policy that knows no inline script."""
    text = path.read_text(encoding="utf-8")

    assert set(re.findall(r"https?://[^\s\"'`)]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\beval\(|new Function|innerHTML|dangerouslySetInnerHTML|document\.write|<script>", text)
    assert not re.search(r"""\son[a-z]+=["']|<[^>]+\sstyle=["']""", text)
