"""`python -m tests.fuzz_poison`: atheris looks for bytes that andon doesn't deal with, led by what code they reach.

Each target of `tests.poison` gets its share of the time, in a process of its own, and begins with the cases that are
kept in `tests/poison/` and with what is right. Bytes that break a law are printed and end the run with exit code 1:
they belong into `tests/poison/TARGET/`, so that they are tried for ever after.

atheris isn't among what `make setup` installs: `make fuzz-poison` installs it for CPython on Linux.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

__all__ = ["main"]

KEPT = Path(__file__).resolve().parent / "poison"
LENGTH_MAX = 2_000


@click.command()
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.01), help="In all.")
@click.option("--seed", default=1, show_default=True, help="Of the mutations.")
@click.option("--target", "names", multiple=True, help="Only these; by default all.")
def main(minutes: float, seed: int, names: tuple[str, ...]) -> None:
    """Look for bytes that break a law."""
    from tests.poison import TARGETS  # noqa: PLC0415 - the process that fuzzes must instrument it first

    broken = []
    names = names or tuple(TARGETS)
    for name in names:
        seconds = max(1, round(60 * minutes / len(names)))
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-m", "tests.fuzz_poison", "--run", name, scratch, str(KEPT / name)]
            command += [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={LENGTH_MAX}", "-verbosity=0"]
            command += ["-print_final_stats=1", f"-artifact_prefix={scratch}/"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            figures = dict(line.split("::")[-1].split(":") for line in done.stderr.splitlines() if "stat::" in line)
            tried = figures.get("number_of_executed_units", "0").strip()
            click.echo(f"{name}: {tried} tried in {seconds} s, {'fine' if done.returncode == 0 else 'BROKEN'}")
            if done.returncode:
                broken.append(name)
                click.echo(done.stderr[-4_000:])
                for found in Path(scratch).glob("crash-*"):
                    click.echo(f"{found.name}: {found.read_bytes()!r}")
    sys.exit(bool(broken))


def run(name: str, arguments: list[str]) -> None:
    """Fuzz one target in this process until it is over."""
    import atheris  # noqa: PLC0415 - see above

    with atheris.instrument_imports(include=["contracts", "alarms"]):
        from tests.poison import TARGETS  # noqa: PLC0415
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], sys.argv[3:])
    else:
        main()
