"""People at the command line, `andon run` and a real broker: what stands, and what is asked of it."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner

from andon.cli import cli
from contracts.errors import SourceError
from tests.kafka.service import Service, Topics, andon, produce, reading, wait_until


class Plant:
    """A running service, and a person."""

    def __init__(self, bootstrap, topics, service):
        self.bootstrap = bootstrap
        self.topics = topics
        self.service = service
        self.now_ms = int(time.time() * 1000)

    def say(self, asset, value, *, sensor="temp"):
        """A sensor speaks; above 85 it raises an alarm."""
        self.now_ms += 1_000
        produce(self.bootstrap, self.topics.readings, [reading(asset, value, self.now_ms, sensor)])

    def ask(self, *arguments):
        """A person's command, to its end."""
        return CliRunner().invoke(cli, [*arguments, "--settings", str(self.service.settings)], env={"USER": "maria"})

    def alarms(self, asset, *options):
        """The alarms of an asset, as `andon alarms` has them."""
        result = self.ask("alarms", *options)
        assert result.exit_code == 0, result.output
        found = [json.loads(line) for line in result.stdout.splitlines()]
        return [state for state in found if state["alert"]["asset"] == asset]

    def raised(self, asset, *, sensor="temp"):
        """An alarm of this asset stands now; its id."""
        self.say(asset, 99, sensor=sensor)
        wait_until(lambda: self.alarms(asset), f"an alarm of {asset}")
        return self.alarms(asset)[0]["alert"]["alert_id"]


@pytest.fixture(scope="module")
def plant(kafka, module_topics, tmp_path_factory):
    """A service that runs for all tests of this file; each test has an asset of its own."""
    topics = Topics(module_topics)
    with Service(tmp_path_factory.mktemp("people"), kafka, topics, service="epoch_s = 1") as service:
        service.start()
        yield Plant(kafka, topics, service)


def test_an_operator_acknowledges_what_the_list_shows(plant):
    """Eight digits from the screen are enough; who and why stand in the alarm. As processes of their own."""
    alert_id = plant.raised("oven")
    settings = ["--settings", str(plant.service.settings)]

    listed = andon("alarms", *settings)
    done = andon("ack", alert_id[:8], "--by", "maria", "--comment", "valve", *settings)

    assert alert_id in listed.stdout
    assert "unacknowledged" in listed.stderr
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("acknowledged: oven temp 99 degC")
    (state,) = plant.alarms("oven")
    assert state["alert"]["state"] == "active_acked"
    assert (state["acknowledged"]["by"], state["acknowledged"]["comment"]) == ("maria", "valve")


def test_what_is_acknowledged_already_is_refused_with_the_reason(plant):
    """The exit code tells a script, the line tells a person."""
    alert_id = plant.raised("pump")

    first, second = plant.ask("ack", alert_id), plant.ask("ack", alert_id)

    assert first.exit_code == 0, first.output
    assert second.exit_code == 1
    assert second.stderr.startswith("refused: ")
    assert "acknowledged already" in second.stderr


def test_a_shelf_is_put_up_and_taken_down(plant):
    """A sensor whose name has a slash is shelved, isn't listed, and comes back."""
    plant.raised("belt", sensor="zone/3")

    up = plant.ask("shelve", "belt/zone%2F3", "--for", "2h", "--comment", "sensor is being changed")
    without, with_held = plant.alarms("belt"), plant.alarms("belt", "--all")
    down = plant.ask("unshelve", "belt/zone%2F3")

    assert up.exit_code == 0, up.output
    assert up.stdout.startswith("shelved: belt/zone%2F3 until 2")
    assert "  belt zone/3 99 degC" in up.stdout
    assert without == []
    assert with_held[0]["shelved"]["comment"] == "sensor is being changed"
    assert down.exit_code == 0, down.output
    assert down.stdout.startswith("unshelved: belt/zone%2F3\n  belt zone/3 99 degC")
    assert plant.alarms("belt")[0]["shelved"] is None


def test_what_is_held_back_before_any_alarm_stands_is_answered_too(plant):
    """Work that is about to begin is told beforehand, and ended afterwards."""
    before = plant.service.messages_read()
    plant.say("saw", 20)
    plant.service.wait_until_read(before + 1)  # commands come from another source, and may be there first

    outcomes = [
        plant.ask("suppress", "saw", "--kind", "limit", "--rule", "h"),
        plant.ask("unsuppress", "saw", "--kind", "limit", "--rule", "h"),
        plant.ask("out-of-service", "saw/temp"),
        plant.ask("in-service", "saw/temp"),
    ]

    assert [result.stdout for result in outcomes] == [
        "suppressed: saw limit h\n",
        "unsuppressed: saw limit h\n",
        "out of service: saw/temp\n",
        "in service: saw/temp\n",
    ]
    assert [result.exit_code for result in outcomes] == [0] * 4


def test_an_asset_that_nobody_knows_is_refused(plant):
    """A misspelt name shelves nothing, and says so."""
    result = plant.ask("shelve", "ovn", "--for", "2h")

    assert result.exit_code == 1
    assert "refused: " in result.stderr
    assert "ovn" in result.stderr


def test_feedback_finds_an_alarm_that_is_over_and_hears_only_a_refusal(plant):
    """People judge an alarm the next morning; of a limit there is nothing to learn."""
    alert_id = plant.raised("fan")
    plant.say("fan", 20)
    wait_until(lambda: not plant.alarms("fan"), "the alarm is over")

    refused = plant.ask("feedback", alert_id[:8], "false-alarm")
    unheard = plant.ask("feedback", alert_id, "reset", "--wait", "0")

    assert refused.exit_code == 1
    assert refused.stderr.startswith("refused: ")
    assert unheard.exit_code == 0, unheard.output
    assert unheard.stdout == "feedback sent: fan/temp limit h\n"


def test_an_id_that_no_alarm_ever_had_is_told(plant):
    """It may be of another plant."""
    standing, ever = plant.ask("ack", "0" * 32), plant.ask("feedback", "0" * 32, "reset")

    assert (standing.exit_code, ever.exit_code) == (1, 1)
    assert f"no alarm with the id {'0' * 32} stands now" in standing.stderr
    assert f"no alarm of the last 30 days has the id {'0' * 32}" in ever.stderr


def test_a_topic_that_does_not_exist_is_told(plant):
    """The line says how it is made."""
    result = CliRunner().invoke(
        cli,
        ["alarms", "--settings", str(plant.service.settings)],
        env={"ANDON_KAFKA__ALARMS": "no-such-topic"},
    )

    assert isinstance(result.exception, SourceError)
    assert "no topic no-such-topic. Create what is missing: andon topics create" in str(result.exception)


def test_a_service_that_was_stopped_gives_no_answer_and_everybody_is_told(plant):
    """A quiet list of a watcher that is gone isn't good news. The last test: it stops the service."""
    alert_id = plant.raised("mill")
    assert plant.service.stop() == 0

    listed = plant.ask("alarms")
    unanswered = plant.ask("ack", alert_id, "--wait", "0.5")

    assert "`andon run` was stopped at" in listed.stderr
    assert unanswered.exit_code == 1
    assert unanswered.stdout == "sent: mill/temp limit h\n"
    assert "no answer within 0.5 s: `andon run` was stopped at" in unanswered.stderr
