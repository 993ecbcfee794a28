"""`python -m tests.crash`: breaks everything around andon, again and again, and says what that cost.

A real broker, a service under a supervisor, 20,000 readings a second with known faults in them. One fault after the
other; then the alerts and the alarm-state topic are compared with those of a run that nothing disturbed. The last line
is one JSON object. Exit code 1: something was lost or doubled, a fault wasn't told, or a round broke off: its faults
don't count, and the others go on.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random

import click
from confluent_kafka import KafkaException

from deploy.debian import ProgramError
from deploy.kafka.local import LocalKafkaError
from tests.crash.bench import open_bench, run_round
from tests.crash.faults import FAULTS
from tests.crash.kept import keep, kept
from tests.crash.plant import ASSETS_MAX
from tests.crash.report import failures, summary, table
from tests.crash.schedule import SHORT_ASSETS, SHORT_CLIENT, SHORT_PROCESSES_MAX, long_schedule, short_schedule

PROCESSES_MAX = 3
"""Rounds begin with 1, 2, 3, 1 … processes."""


@click.command(help=__doc__)
@click.option("--short", is_flag=True, help="The fixed selection that is part of `make test`.")
@click.option("--faults", default=200, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--seed", default=None, type=int, help="Of times and order; by default a new one, which is printed.")
@click.option("--only", multiple=True, type=click.Choice(list(FAULTS)), help="These faults, in this order.")
@click.option("--keep", "file", type=click.Path(path_type=Path), help="Add rounds to FILE, and tell of all in it.")
def main(*, short: bool, faults: int, seed: int | None, only: tuple[str, ...], file: Path | None) -> None:
    """Strike, compare, print."""
    seed = seed if seed is not None else time.time_ns() % 1_000_000
    rounds = [list(only)] if only else short_schedule(seed) if short else long_schedule(seed, faults=faults)
    click.echo(f"{sum(map(len, rounds))} faults in {len(rounds)} rounds, seed {seed}", err=True)
    done = [] if file is None else kept(file)
    broken = []
    random = Random(seed)
    try:
        with tempfile.TemporaryDirectory(prefix="andon-crash-") as folder, open_bench(Path(folder)) as bench:
            for number, names in enumerate(rounds, 1):
                click.echo(f"round {number}, load {os.getloadavg()[0]:.1f}", err=True)
                try:
                    round_ = run_round(
                        bench,
                        names,
                        random=random,
                        processes=1 if short or only else 1 + (number - 1) % PROCESSES_MAX,
                        processes_max=SHORT_PROCESSES_MAX if short else PROCESSES_MAX,
                        assets=SHORT_ASSETS if short else ASSETS_MAX,
                        client=SHORT_CLIENT if short else "",
                        tell=partial(click.echo, err=True),
                    )
                except (AssertionError, KafkaException) as error:
                    broken.append(f"round {number} broke off: {error or type(error).__name__}")
                    click.echo(broken[-1], err=True)
                    bench.mend()
                    continue
                done.append(round_)
                if file is not None:
                    keep(file, round_)
                click.echo(table(done), err=True)
    except (ProgramError, LocalKafkaError) as error:
        raise click.ClickException(str(error)) from error
    faulty = [*failures(done), *broken]
    for line in (table(done), *faulty, json.dumps(summary(done))):
        click.echo(line)
    sys.exit(bool(faulty))


if __name__ == "__main__":
    main()
