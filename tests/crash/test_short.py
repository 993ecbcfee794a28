"""The short form of the crash bench: more than twenty faults, and nobody who reads the alerts notices one of them."""

from __future__ import annotations

import json
from random import Random

import pytest

from deploy.debian import ProgramError
from tests.conftest import need_local_kafka, unavailable
from tests.crash.bench import open_bench, run_round
from tests.crash.report import failures, summary, table
from tests.crash.schedule import SHORT_ASSETS, SHORT_CLIENT, SHORT_PROCESSES_MAX, short_schedule

SEED = 20_26


@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_no_fault_of_the_world_costs_or_doubles_an_alert(tmp_path):
    """Processes killed, broker frozen and killed, connections cut and half open, disk full, clock set, topics gone."""
    need_local_kafka()
    (names,) = short_schedule(SEED)

    try:
        with open_bench(tmp_path) as bench:
            short = {"processes_max": SHORT_PROCESSES_MAX, "assets": SHORT_ASSETS, "client": SHORT_CLIENT}
            done = [run_round(bench, names, random=Random(SEED), **short)]
    except ProgramError as error:
        unavailable(str(error))

    assert list(failures(done)) == [], f"{table(done)}\n{json.dumps(summary(done))}"
    assert summary(done)["faults"] >= 20
