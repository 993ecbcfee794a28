"""Settings from TOML and the environment: what is taken, and every mistake with its remedy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigError
from contracts.loading import load, parse
from contracts.settings import Settings


def _mistakes(text, environ=None):
    with pytest.raises(ConfigError) as caught:
        parse(text, "andon.toml", environ or {})
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_file_gives_the_defaults():
    """Nothing has to be set to begin."""
    assert parse("", "andon.toml", {}) == Settings()


def test_what_the_file_says_is_what_is_set():
    """Each section of the file arrives."""
    settings = parse(
        """
        [site]
        name = "north"
        [kafka]
        readings = ["a", "b"]
        client = { "security.protocol" = "SASL_SSL" }
        [service]
        epoch_s = 5
        [[rules]]
        asset = "press-*"
        limit = { hh = 95, severity = { hh = 950 } }
        anomaly = false
        [[rules]]
        stale = { after_s = "auto" }
        ack_required = true
        [[assets]]
        window_s = 0
        [alarms]
        shelve_max_h = 8
        [[maintenance]]
        asset = "press-*"
        start = 2026-05-01T06:00:00+02:00
        end = 2026-05-01T14:00:00+02:00
        comment = "annual overhaul"
        [[maintenance]]
        days = ["sat", "sun"]
        at = "22:00"
        for_h = 7.5
        time_zone = "Europe/Berlin"
        """,
        "andon.toml",
        {},
    )

    assert settings.site.name == "north"
    assert settings.kafka.readings == ("a", "b")
    assert settings.kafka.client == {"security.protocol": "SASL_SSL"}
    assert settings.service.epoch_s == 5.0
    assert settings.rules[0].limit.severity_of("hh") == 950
    assert settings.rules[0].anomaly is False
    assert settings.rules[1].stale.after_s == "auto"
    assert [rule.ack_required for rule in settings.rules] == [None, True]
    assert settings.asset("any").window_ms == 0
    assert settings.alarms.shelve_max_h == 8
    once, weekly = settings.maintenance
    assert (once.asset, once.comment) == ("press-*", "annual overhaul")
    assert (once.end - once.start) == timedelta(hours=8)
    assert (weekly.days, weekly.at, weekly.for_h, weekly.time_zone) == (("sat", "sun"), "22:00", 7.5, "Europe/Berlin")


def test_every_mistake_is_told_at_once():
    """Nobody mends a file one error a run."""
    text = """
        sites = 3
        [service]
        lanes = "12"
        clock = "sun"
        [[rules]]
        limit = { hh = 95 }
        [[rules]]
        limit = { hh = true }
        sensr = "temp"
        """

    with pytest.raises(ConfigError) as caught:
        parse(text, "plant.toml", {"ANDON_SERVICE__EPOCHS": "5"})

    assert str(caught.value).splitlines() == [
        "plant.toml: 6 mistakes",
        "  ANDON_SERVICE__EPOCHS: service has no key epochs. Did you mean epoch_s?",
        '  service.lanes: is "12". Give a whole number without quotes.',
        '  service.clock: is "sun". Give "wall" or "event".',
        "  rules[2].limit.hh: is true. Give a number.",
        "  rules[2].sensr: is no setting. Did you mean sensor?",
        "  sites: is no setting. Did you mean site?",
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("service = 4", "service: is 4. Give a table."),
        ("[service]\nkey_groups = 5000", "service.key_groups: is 5000. Give at most 4096."),
        ("[service]\nepoch_bytes_max = 5", "service.epoch_bytes_max: is 5. Give at least 1048576."),
        ("[service]\nbroker_wait_s = 0", "service.broker_wait_s: is 0. Give more than 0."),
        ("[service]\nepoch_s = true", "service.epoch_s: is true. Give a number."),
        ("[service]\nlanes = 12.0", "service.lanes: is 12.0. Give a whole number."),
        ("[service]\nepoch_s = nan", "service.epoch_s: is nan. Give a finite number."),
        ("[service]\nreadings = ['a']", "service.readings: is no setting. It belongs under [kafka]."),
        ("[site]\nname = 'a b'", r'site.name: is "a b". It must match ^[^/\s]+$.'),
        ("[site]\nname = ''", "site.name: is empty. Give some text."),
        ("[kafka]\nreadings = 'a'", 'kafka.readings: is "a". Give a list, e.g. ["a", "b"].'),
        ("[kafka]\nreadings = []", "kafka.readings: is an empty list. Give at least one."),
        ("[kafka]\nreadings = ['a', 'a']", "kafka: topic a is twice in readings. Give each topic once."),
        (
            "[kafka]\nalerts = 'x'\ndead_letters = 'x'",
            "kafka: topic x is both alerts and dead_letters. Give each topic once.",
        ),
        (
            "[kafka]\nclient = { 'sasl.password' = ['secret'] }",
            'kafka.client."sasl.password": is a list. Give text, a whole number, a number or true or false.',
        ),
        ("[rules]\nlimit = { h = 1 }", "rules: is a table. Give [[…]] tables: two brackets around the name."),
        ("[[rules]]\nlimit = 5", "rules[1].limit: is 5. Give a table or false."),
        ("[[rules]]\nlimit = true", "rules[1].limit: is true. Give a table or false."),
        ("[[rules]]\nlimit = { hh = '9.5' }", 'rules[1].limit.hh: is "9.5". Give a number without quotes.'),
        ("[[rules]]\nlimit = { h = inf }", "rules[1].limit.h: is inf. Give a finite number."),
        (
            "[[rules]]\nlimit = { l = 5, h = 2 }",
            "rules[1].limit: l = 5 isn't below h = 2. Order them ll < l < h < hh.",
        ),
        (
            "[[rules]]\nlimit = { deadband = 1 }",
            "rules[1].limit: none of hh, h, l, ll is given. Give at least one, e.g. limit = { h = 85 }.",
        ),
        (
            "[[rules]]\nlimit = { h = 1, severity = { x = 1 } }",
            'rules[1].limit.severity.x: is no name that is known here. Give "hh", "h", "l" or "ll".',
        ),
        (
            "[[rules]]\nlimit = { h = 1, severity = { h = 1001 } }",
            "rules[1].limit.severity.h: is 1001. Give at most 1000.",
        ),
        ("[[rules]]\nstale = { after_s = 0 }", "rules[1].stale.after_s: is 0. Give more than 0."),
        ("[[rules]]\nstale = { after_s = 'aut' }", 'rules[1].stale.after_s: is "aut". Give a number or "auto".'),
        ("[[rules]]\nstale = { after_s = false }", 'rules[1].stale.after_s: is false. Give a number or "auto".'),
        ("[[rules]]\nflatline = {}", "rules[1].flatline.after_s: is missing. Give a number."),
        (
            "[[rules]]\nrate = {}",
            (
                "rules[1].rate: neither rise_max_per_s nor fall_max_per_s is given. "
                "Give at least one, e.g. rate = { rise_max_per_s = 2.0 }."
            ),
        ),
        (
            "[[rules]]\nanomaly = { per = 'asset' }",
            (
                "rules[1].anomaly: params and per belong to a River model. "
                'Name one, e.g. model = "river.anomaly.HalfSpaceTrees".'
            ),
        ),
        (
            "[[rules]]\nanomaly = { model = 'sklearn.X' }",
            r'rules[1].anomaly.model: is "sklearn.X". It must match ^river(\.[A-Za-z_]\w*)+$.',
        ),
        ("[[rules]]\nunit = '" + "x" * 40 + "'", "rules[1].unit: is 40 characters long. Give at most 32."),
        (
            "[[assets]]\nwindow_s = 5\nlate_s_max = 8",
            (
                "assets[1]: late_s_max = 8 is longer than window_s = 5. "
                "Give at most window_s: two windows are open at a time."
            ),
        ),
        (
            "[[assets]]\nrunning = { sensor = 'speed' }",
            'assets[1].running: neither min nor max is given. Give one, e.g. running = { sensor = "speed", min = 1 }.',
        ),
        (
            "[[assets]]\nrunning = { sensor = 'speed', min = 2, max = 1 }",
            "assets[1].running: min = 2 is above max = 1. Exchange them.",
        ),
        (
            "[[assets]]\nrunning = { sensor = 'speed*', min = 2 }",
            "assets[1].running.sensor: 'speed*' is a pattern. Give the name of one sensor.",
        ),
        ("[[assets]]\nrunning = { min = 2 }", "assets[1].running.sensor: is missing. Give text."),
        ("[[rules]]\nack_required = 'yes'", 'rules[1].ack_required: is "yes". Give true or false.'),
        ("[alarms]\nack_required = true", "alarms.ack_required: is no setting. It belongs under [[rules]]."),
        ("[alarms]\nshelve_max_h = 0", "alarms.shelve_max_h: is 0. Give more than 0."),
        ("[alarms]\nshelve_max_h = 9000", "alarms.shelve_max_h: is 9000. Give at most 8784."),
        ("[alarms]\nshelve_max_h = '8'", 'alarms.shelve_max_h: is "8". Give a number without quotes.'),
        ("[alarms]\nshelve_max = 8", "alarms.shelve_max: is no setting. Did you mean shelve_max_h?"),
        ("a =", "end of document: isn't TOML: Invalid value. See https://toml.io."),
        (
            "[site]\nname = 'a' 'b'",
            (
                "line 2, column 12: isn't TOML: Expected newline or end of document after a statement. "
                "See https://toml.io."
            ),
        ),
    ],
)
def test_a_mistake_is_told_once_with_its_key_and_what_would_be_right(text, mistake):
    """A person reads one line and knows what to write."""
    assert _mistakes(text) == [mistake]


_WHEN = (
    "maintenance[1]: is not clear when. Give start and end, or days, at, for_h and time_zone "
    '(e.g. days = ["sun"], at = "02:00", for_h = 4, time_zone = "Europe/Berlin").'
)
_MAY = "2026-05-01T06:00:00+02:00"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("asset = 'press-*'", _WHEN),
        (f"days = ['sun']\nstart = {_MAY}\nend = {_MAY}", _WHEN),
        (f"at = '02:00'\nend = {_MAY}", _WHEN),
        (f"start = {_MAY}", "maintenance[1]: has only one of start and end. Give both."),
        (f"end = {_MAY}", "maintenance[1]: has only one of start and end. Give both."),
        (
            f"start = {_MAY}\nend = 2026-05-01T04:00:00Z",
            (
                "maintenance[1]: ends at 2026-05-01 04:00:00+00:00 and starts at 2026-05-01 06:00:00+02:00. "
                "Give an end after the start."
            ),
        ),
        ("at = '02:00'", 'maintenance[1]: begins on no day. Give days, e.g. days = ["sat", "sun"].'),
        ("days = []", 'maintenance[1]: begins on no day. Give days, e.g. days = ["sat", "sun"].'),
        ("days = 'sun'", 'maintenance[1].days: is "sun". Give a list, e.g. ["a", "b"].'),
        (
            "days = ['sat', 'Son']",
            'maintenance[1].days[2]: is "Son". Give "mon", "tue", "wed", "thu", "fri", "sat" or "sun".',
        ),
        *(
            (f"start = {given}\nend = {_MAY}", f"maintenance[1].start: is {shown}. Give a date and time with its {end}")
            for given, shown, end in (
                ("2026-05-01", "2026-05-01", f"offset, e.g. {_MAY}."),
                ("2026-05-01T02:00:00", "2026-05-01 02:00:00", f"offset, e.g. {_MAY}."),
                ("1777608000", "1777608000", f"offset, e.g. {_MAY}."),
                (f"'{_MAY}'", f'"{_MAY}"', f"offset, e.g. {_MAY} without quotes."),
            )
        ),
        ("days = ['sun']\nat = 02:00:00", "maintenance[1].at: is 02:00:00. Give text in quotes."),
        *(
            (
                f"days = ['sun']\nat = '{at}'",
                f"maintenance[1].at: '{at}' is no time of the day. Give hours and minutes from 00:00 to 23:59.",
            )
            for at in ("2:00", "24:00", "02:60", "02:00:00", "2 Uhr", "", "٠٢:٠٠")
        ),
        ("days = ['sun']\nfor_h = 0", "maintenance[1].for_h: is 0. Give more than 0."),
        ("days = ['sun']\nfor_h = 169", "maintenance[1].for_h: is 169. Give at most 168."),
        *(
            (
                f"days = ['sun']\ntime_zone = '{zone}'",
                f"maintenance[1].time_zone: '{zone}' isn't in the tz database. Give one like Europe/Berlin.",
            )
            for zone in ("CEST", "", "Europe", "/etc/passwd", "../UTC", "Europe/Berln")
        ),
        ("days = ['sun']\ncomment = 5", "maintenance[1].comment: is 5. Give text."),
        (
            f"days = ['sun']\ncomment = '{'x' * 1001}'",
            "maintenance[1].comment: is 1001 characters long. Give at most 1000.",
        ),
        (
            "days = ['sun']\nhours = 4",
            (
                "maintenance[1].hours: is no setting. "
                "Known here: asset, start, end, days, at, for_h, time_zone, comment."
            ),
        ),
    ],
)
def test_a_mistake_in_maintenance_is_told_with_what_would_be_right(text, mistake):
    """Work that is planned wrongly hides alarms, or rings all night."""
    assert _mistakes(f"[[maintenance]]\n{text}") == [mistake]


def test_maintenance_is_a_list_of_tables():
    """One bracket too few is told as such."""
    assert _mistakes("[maintenance]\ndays = ['sun']") == [
        "maintenance: is a table. Give [[…]] tables: two brackets around the name."
    ]


@pytest.mark.parametrize(
    ("variable", "value", "section", "key", "expected"),
    [
        ("ANDON_KAFKA__BOOTSTRAP_SERVERS", "a:1,b:2", "kafka", "bootstrap_servers", "a:1,b:2"),
        ("ANDON_KAFKA__READINGS", "a, b", "kafka", "readings", ("a", "b")),
        ("ANDON_KAFKA__READINGS", '["a"]', "kafka", "readings", ("a",)),
        ("ANDON_KAFKA__GROUP_ID", "0012", "kafka", "group_id", "0012"),
        ("ANDON_KAFKA__GROUP_ID", "12", "kafka", "group_id", "12"),
        ("ANDON_KAFKA__GROUP_ID", '"12"', "kafka", "group_id", "12"),
        ("ANDON_KAFKA__CLIENT__SASL_PASSWORD", "1e5", "kafka", "client", {"acks": 1, "sasl.password": "1e5"}),
        (
            "ANDON_KAFKA__CLIENT__SASL_PASSWORD_FILE",
            "/run/p",
            "kafka",
            "client",
            {"acks": 1, "sasl.password_file": "/run/p"},
        ),
        (
            "ANDON_KAFKA__CLIENT__SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE",
            "/run/k",
            "kafka",
            "client",
            {"acks": 1, "sasl.oauthbearer.assertion.private.key.file": "/run/k"},
        ),
        ("ANDON_KAFKA__CLIENT", '{ "a.b" = 1 }', "kafka", "client", {"a.b": 1}),
        ("ANDON_SERVICE__EPOCH_S", "2.5", "service", "epoch_s", 2.5),
        ("ANDON_SERVICE__CLOCK", "event", "service", "clock", "event"),
        ("ANDON_SITE__NAME", "2025", "site", "name", "2025"),
        ("ANDON_ALARMS__SHELVE_MAX_H", "12", "alarms", "shelve_max_h", 12),
    ],
)
def test_the_environment_overrides_the_file(variable, value, section, key, expected):
    """A container is configured without a file of its own."""
    text = '[site]\nname = "file"\n[kafka]\nreadings = ["file"]\nclient = { acks = 1 }\n[service]\nepoch_s = 1\n'

    settings = parse(text, "andon.toml", {variable: value})

    assert getattr(getattr(settings, section), key) == expected


@pytest.mark.parametrize(
    ("variable", "value", "mistake"),
    [
        ("ANDON_SERVIC__LANES", "1", "ANDON_SERVIC__LANES: there is no section servic. Did you mean service?"),
        ("ANDON_KAFKA__X", "1", "ANDON_KAFKA__X: kafka has no key x. Known here: bootstrap_servers, readings, "),
        ("ANDON_RULES__1", "{}", "ANDON_RULES__1: rules can't be set from the environment. Write them in the file."),
        ("ANDON_ASSETS__X", "1", "ANDON_ASSETS__X: assets can't be set from the environment."),
        ("ANDON_MAINTENANCE__X", "1", "ANDON_MAINTENANCE__X: maintenance can't be set from the environment."),
        ("ANDON_ALARM__SHELVE_MAX_H", "1", "ANDON_ALARM__SHELVE_MAX_H: there is no section alarm. Did you mean alarms"),
        ("ANDON_SERVICE__LANES", "many", 'service.lanes (ANDON_SERVICE__LANES): is "many". Give a whole number.'),
        (
            "ANDON_SERVICE__LANES",
            "3\nkey_groups = 1",
            r'service.lanes (ANDON_SERVICE__LANES): is "3\nkey_groups = 1". Give a whole number.',
        ),
        ("ANDON_KAFKA__CLIENT", "x", "kafka.client (ANDON_KAFKA__CLIENT): is of another type. Give a table."),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(variable, value, mistake):
    """Who set a variable wrongly doesn't look for the mistake in the file."""
    (told,) = _mistakes("", {variable: value})

    assert told.startswith(mistake)


def test_a_secret_is_never_shown():
    """Messages end up in logs; passwords don't."""
    (told,) = _mistakes("", {"ANDON_KAFKA__CLIENT": "hunter2"})

    assert "hunter2" not in told


def test_variables_of_others_are_left_alone():
    """What else is called ANDON_ is no mistake."""
    environ = {"ANDON_CORPORA": "x", "KAFKA__READINGS": "x", "ANDON_": "", "PATH": "/bin"}

    assert parse("", "andon.toml", environ) == Settings()


def test_an_override_where_the_file_has_no_table_is_the_mistake_of_the_file():
    """One wrong line in the file stays one mistake."""
    assert _mistakes("kafka = 3", {"ANDON_KAFKA__ALERTS": "x"}) == ["kafka: is 3. Give a table."]


def test_a_file_is_read_also_when_an_editor_marked_it(tmp_path):
    """Some editors put a byte order mark in front."""
    path = tmp_path / "andon.toml"
    path.write_bytes(b'\xef\xbb\xbf[site]\nname = "\xc3\x96fen"\n')

    assert load(path, {"ANDON_SERVICE__LANES": "3"}).site.name == "Öfen"
    assert load(str(path), {"ANDON_SERVICE__LANES": "3"}).service.lanes == 3


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (None, "the file doesn't exist. Give the path of an andon.toml."),
        (b"\xff", "byte 0 isn't UTF-8. Save the file as UTF-8."),
        (..., "the file can't be read: Is a directory. Give the path of an andon.toml."),
    ],
)
def test_a_file_that_can_not_be_read_is_one_mistake(tmp_path, content, mistake):
    """A wrong path is told as such."""
    path = tmp_path / "andon.toml"
    if content is ...:
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load(path, {})

    assert str(caught.value) == f"{path}: 1 mistake\n  file: {mistake}"


_TOML = st.sampled_from(
    ["1", "true", '"x"', "[]", "{}", "nan", "-1", "0.5", "1979-05-27", "[[1]]", "{a={b=1}}", '"auto"']
)
_KEYS = st.sampled_from(
    [
        *(f"service.{key}" for key in ("lanes", "clock", "x", "epoch_s")),
        *("site", "site.name", "kafka", "kafka.readings", "kafka.client", "kafka.client.a", "rules", "assets", "x.y"),
        *("alarms", "alarms.shelve_max_h", "maintenance"),
    ]
)
_RULE_KEYS = st.sampled_from(
    [
        "asset",
        "unit",
        "limit",
        "limit.hh",
        "limit.severity",
        "stale",
        "stale.after_s",
        "anomaly.params",
        "anomaly.x",
        "ack_required",
        "y",
    ]
)

_MAINTENANCE_KEYS = st.sampled_from(["asset", "start", "end", "days", "at", "for_h", "time_zone", "comment", "z"])
_TIMES = st.sampled_from(["2026-05-01T06:00:00Z", "2026-05-02T06:00:00+02:00", '["sun"]', '"02:00"', "02:00:00", "4"])


@given(
    top=st.dictionaries(_KEYS, _TOML, max_size=4),
    rules=st.lists(st.dictionaries(_RULE_KEYS, _TOML, max_size=4), max_size=3),
    maintenance=st.lists(st.dictionaries(_MAINTENANCE_KEYS, _TOML | _TIMES, max_size=5), max_size=2),
)
def test_any_toml_gives_settings_or_mistakes_with_a_key(top, rules, maintenance):
    """No file, however wrong, ends in a traceback."""
    lines = [f"{key} = {value}" for key, value in top.items()]
    for name, tables in (("rules", rules), ("maintenance", maintenance)):
        for table in tables:
            lines += [f"[[{name}]]", *(f"{key} = {value}" for key, value in table.items())]

    outcome = _outcome("\n".join(lines))

    if isinstance(outcome, ConfigError):
        assert outcome.problems
        assert all(problem.key and problem.fault and problem.remedy for problem in outcome.problems)
    else:
        assert len(outcome.rules) == len(rules)
        assert len(outcome.maintenance) == len(maintenance)


def _outcome(text):
    try:
        return parse(text, "andon.toml", {})
    except ConfigError as error:
        return error


@pytest.mark.parametrize(
    ("written", "variable", "value", "client"),
    [
        ("sasl.password_file", "ANDON_KAFKA__CLIENT__SASL_PASSWORD", "s3cret", {"sasl.password": "s3cret"}),
        ("sasl.password", "ANDON_KAFKA__CLIENT__SASL_PASSWORD_FILE", "/run/p", {"sasl.password_file": "/run/p"}),
    ],
)
def test_a_secret_from_the_environment_takes_the_place_of_the_files(written, variable, value, client):
    """Whichever way the file gives it: there is one password."""
    text = f'[kafka.client]\n"{written}" = "old"\n'

    assert parse(text, "andon.toml", {variable: value}).kafka.client == client


@pytest.mark.parametrize(
    ("client", "fault"),
    [
        (
            '"sasl.password" = "s3cret"\n"sasl.password_file" = "/run/p"',
            "both sasl.password and sasl.password_file are given. Give one of them.",
        ),
        ('"sasl.password_file" = true', "sasl.password_file is no path. Give the file that holds the secret."),
        ('"sasl.password_file" = ""', "sasl.password_file is no path. Give the file that holds the secret."),
    ],
)
def test_a_secret_has_one_place(client, fault):
    """Nobody wonders which of two passwords is used; and the message shows none of them."""
    with pytest.raises(ConfigError) as told:
        parse(f"[kafka.client]\n{client}\n", "andon.toml", {})

    assert str(told.value) == f"andon.toml: 1 mistake\n  kafka.client: {fault}"
