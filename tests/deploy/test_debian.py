"""Programs out of Debian packages, with a package made here and an apt that only knows this one."""

import os
import shutil
import subprocess

import pytest

from deploy import debian
from deploy.debian import ProgramError, home, program
from tests.conftest import unavailable

APT = """\
#!/bin/sh
echo "$@" >> {log}
case "$*" in
    *" update") exit 0 ;;
    *Dir::State::Lists*) cp {package} . ;;
    *) {first} ;;
esac
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without Prometheus: `machine(first)` makes its apt-get, which does `first` when it is asked first."""
    if shutil.which("dpkg-deb") is None:
        unavailable("there is no dpkg-deb: packages are unpacked on Debian and what is like it")
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("dpkg-deb", "dpkg", "sh", "cp", "tar", "cat"):
        (tools / tool).symlink_to(shutil.which(tool))
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = _package(tmp_path, tools)

    def make(first):
        log = tmp_path / "apt.log"
        log.touch()
        script = APT.format(log=log, package=package, first=first.format(package=package))
        (tools / "apt-get").write_text(script)
        (tools / "apt-get").chmod(0o755)
        return log

    return make


def _package(folder, tools):
    """A package with one program, which reads a file of the package."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: prometheus-alertmanager\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\n"
        "Description: made for a test\n"
    )
    shared = tree / "usr" / "share" / "prometheus" / "alertmanager"
    shared.mkdir(parents=True)
    (shared / "default.tmpl").write_text("found\n")
    bin_ = tree / "usr" / "bin"
    bin_.mkdir()
    script = bin_ / "prometheus-alertmanager"
    script.write_text("#!/bin/sh\ncat /usr/share/prometheus/alertmanager/default.tmpl\n")
    script.chmod(0o755)
    package = folder / "prometheus-alertmanager_1_all.deb"
    subprocess.run(
        [shutil.which("dpkg-deb"), "--root-owner-group", "--build", tree, package],
        env={**os.environ, "PATH": f"{tools}:/usr/bin:/bin"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return package


def test_a_program_comes_out_of_its_package_and_finds_its_files(machine):
    """Nothing is installed, and it runs as if it were; the second time nothing is fetched."""
    log = machine("cp {package} .")

    path = program("alertmanager")
    done = subprocess.run([path], cwd=home(path), capture_output=True, text=True, check=True)

    assert done.stdout == "found\n"
    assert program("alertmanager") == path
    assert log.read_text().splitlines() == ["-q download prometheus-alertmanager"]


def test_a_machine_without_lists_of_packages_gets_some_of_ours(machine):
    """A fresh container has none, and the machine's own aren't touched."""
    log = machine("exit 100")

    path = program("alertmanager")

    assert path.exists()
    asked = [line.split()[-1] for line in log.read_text().splitlines()]
    assert asked == ["prometheus-alertmanager", "update", "prometheus-alertmanager"]
    assert not list(path.parents[3].glob("fetching-*"))


def test_what_apt_said_is_told_and_nothing_is_left_behind(machine, tmp_path):
    """Without a network the message says so; with one again, it is fetched."""
    log = machine("exit 100")
    apt = tmp_path / "bin" / "apt-get"
    works = apt.read_text()
    apt.write_text("#!/bin/sh\necho no network\nexit 100\n")

    with pytest.raises(ProgramError, match="no network"):
        program("alertmanager")
    apt.write_text(works)

    assert program("alertmanager").exists()
    assert log.read_text()


def test_a_package_that_lacks_the_program_is_told(machine, monkeypatch):
    """A new release of Debian may have moved it."""
    machine("cp {package} .")

    with pytest.raises(ProgramError, match="holds no amtool in usr/bin"):
        program("amtool")


def test_a_machine_without_apt_is_told_what_to_do(machine, tmp_path):
    """On other systems it is installed by hand."""
    with pytest.raises(ProgramError, match="without apt-get it can't be fetched: install it"):
        program("alertmanager")


def test_a_program_on_the_path_is_taken_as_it_is(machine, tmp_path):
    """Who has installed it uses that one, under whichever name."""
    installed = tmp_path / "bin" / "alertmanager"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)

    assert program("alertmanager") == installed
    assert set(debian.PROGRAMS) == {"alertmanager", "amtool", "mosquitto", "prometheus", "promtool"}
