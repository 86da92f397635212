"""A configuration is right as a whole, or every error is told at once: file, line, key, what is wrong, remedy."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import ConfigErrors, ConfigProblem
from config.loader import load_config
from config.settings import CredentialSettings, EngineConfig, instruments_of
from engine.errors import UsageError

Problems = Callable[[str], list[ConfigProblem]]
ROOT = Path(__file__).resolve().parents[2]


def edited(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


# -- what is right ---------------------------------------------------------------------------------------------


def test_a_right_configuration_loads_with_absolute_paths(right_text: str, config_path: Path) -> None:
    config_path.write_text(right_text)
    config = load_config(config_path)
    base = config_path.parent
    assert config.engine.state_dir == str(base / "state")
    assert config.venue("binance").ca_file == str(base / "ca.pem")
    assert config.venue("second").ca_file == ""
    assert config.venue("binance").credentials.secret_file == str(base / "secret.txt")
    assert config.strategies[0].source == f"{base / 'strategy.py'}:Quoter"
    assert config.strategies[0].parameters == {
        "quantity": "0.001",
        "half_spread_ticks": 20,
        "skew": 0.5,
        "aggressive": False,
    }
    assert config.account("other").limits.open_orders_max == 5
    assert not (base / "state").exists()


def test_units_are_turned_once_in_one_place(right_text: str, config_path: Path) -> None:
    config_path.write_text(right_text)
    config = load_config(config_path)
    limits = config.venues[0].instruments[0].limits
    assert (limits.price_collar_ppm, limits.reference_age_ns) == (50_000, 5_000_000_000)
    assert (config.lease.duration_ns, config.lease.renew_ns) == (1_000_000_000, 200_000_000)
    assert (config.kill.acknowledge_ns, config.journal.segment_bytes) == (50_000_000, 64 * 2**20)


def test_an_undertaker_may_have_credentials_of_its_own(
    right_text: str, config_path: Path, problems_of: Problems
) -> None:
    text = right_text.replace("[venues.credentials]", UNDERTAKER + "[venues.credentials]", 1)
    missing = problems_of(text)
    assert [each.key for each in missing] == [
        f"venues[0].undertaker_credentials.{name}" for name in ("api_key_file", "secret_file")
    ]
    base = config_path.parent
    for name in ("cancel.key", "cancel.secret"):
        (base / name).write_text("x" * 64)
        (base / name).chmod(0o600)
    config_path.write_text(text)
    keys = load_config(config_path).venue("binance").undertaker_credentials
    assert keys == CredentialSettings("hmac", str(base / "cancel.key"), str(base / "cancel.secret"))
    assert load_config(config_path).venue("second").undertaker_credentials is None


def test_what_stands_under_the_undertakers_credentials_is_never_shown(right_text: str, problems_of: Problems) -> None:
    text = right_text.replace("[venues.credentials]", UNDERTAKER + "[venues.credentials]", 1)
    (found, *_) = problems_of(text.replace('"cancel.key"', '"shown\\u0001"'))
    assert found.key == "venues[0].undertaker_credentials.api_key_file"
    assert "shown" not in found.problem


def test_relative_paths_do_not_depend_on_the_working_directory(
    right_text: str, config_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_path.write_text(right_text)
    absolute = load_config(config_path)
    monkeypatch.chdir(config_path.parent)
    assert load_config(config_path.name) == load_config(str(config_path)) == absolute


def test_instruments_are_numbered_over_all_venues_in_the_order_of_the_file(right_text: str, config_path: Path) -> None:
    config_path.write_text(right_text)
    instruments = instruments_of(load_config(config_path))
    assert [(i.instrument_id, i.name) for i in instruments] == [
        (0, "binance:BTCUSDT"),
        (1, "binance:ETHUSDT"),
        (2, "second:BTCUSDT"),
    ]
    assert instruments[1].limits.order_quantity_max == "5"


def test_strategies_and_technical_tables_may_be_left_out(right_text: str, problems_of: Problems) -> None:
    assert problems_of(right_text[: right_text.index("[[strategies]]")]) == []


def test_windows_line_ends_change_nothing(right_text: str, config_path: Path) -> None:
    config_path.write_text(right_text)
    unix = load_config(config_path)
    config_path.write_bytes(right_text.replace("\n", "\r\n").encode())
    assert load_config(config_path) == unix


def test_the_sample_lacks_only_the_two_key_files_that_the_user_must_make() -> None:
    with pytest.raises(ConfigErrors) as raised:
        load_config(ROOT / "config" / "sample.toml")
    assert [problem.key for problem in raised.value.problems] == [
        "venues[0].credentials.api_key_file",
        "venues[0].credentials.secret_file",
    ]
    assert isinstance(load_config(ROOT / "config" / "sample.toml", check_files=False), EngineConfig)


# -- one thing wrong -------------------------------------------------------------------------------------------

ONE_WRONG = [
    # (text to replace, by what, dotted key, part of the problem, part of the remedy)
    ('name = "desk1"\n', "", "engine.name", "is missing and has no default", "add 1 to 32 of a-z"),
    ('name = "desk1"', 'name = "Desk 1"', "engine.name", "'Desk 1'", "1 to 32 of a-z"),
    ('name = "desk1"', "name = 1", "engine.name", "is a whole number, not text", "in quotes"),
    ('"local"', '"lokal"', "engine.runtime", "'lokal', not one of", 'did you mean "local"?'),
    ('"local"', "[1]", "engine.runtime", "an array, not one of", '"local", "ray"'),
    ("runtime", "runtim", "engine.runtim", "not a key", 'did you mean "runtime"?'),
    ("[engine]", "[motor]\nx = 1\n[engine]", "motor", "not a key", "the keys here are engine, accounts"),
    ("[engine]", "kill.fence = 1\n[engine]", "kill.fence", "a whole number, not true or false", "without quotes"),
    ("[engine]", "[[lease]]\n[engine]", "lease", "is an array, not a table", "write a [lease] table"),
    ("open_orders_max = 50\n", "", "accounts[0].limits.open_orders_max", "is missing", "from 1 to 1000000"),
    (
        "_max = 50",
        "_max = true",
        "accounts[0].limits.open_orders_max",
        "is true or false, not a whole number",
        "from 1",
    ),
    ("_max = 50", "_max = 50.0", "accounts[0].limits.open_orders_max", "is a float, not a whole", "from 1"),
    ("_max = 50", '_max = "50"', "accounts[0].limits.open_orders_max", "is text, not a whole number", "from 1"),
    ("_max = 50", "_max = 0", "accounts[0].limits.open_orders_max", "is 0, outside 1 to 1000000", "from 1"),
    ("_max = 50", f"_max = {10**30}", "accounts[0].limits.open_orders_max", "beyond 64 bits", "from 1"),
    ("_max = 50", "_max = 1979-05-27", "accounts[0].limits.open_orders_max", "is a date or time", "from 1"),
    ('_max = "0.5"', "_max = 0.5", "venues[0].instruments[0].limits.order_quantity_max", "would round", '"0.5"'),
    ('_max = "0.5"', "_max = 1e-7", "venues[0].instruments[0].limits.order_quantity_max", "float", '"0.0000001"'),
    ('_max = "0.5"', "_max = nan", "venues[0].instruments[0].limits.order_quantity_max", "a float", '"0.5"'),
    ('_max = "0.5"', "_max = 5", "venues[0].instruments[0].limits.order_quantity_max", "is a number", '"5"'),
    ('_max = "0.5"', "_max = []", "venues[0].instruments[0].limits.order_quantity_max", "is an array", '"0.5"'),
    ('_max = "0.5"', '_max = "1e3"', "venues[0].instruments[0].limits.order_quantity_max", "'1e3', not a", '"0.5"'),
    ('_max = "0.5"', '_max = "NaN"', "venues[0].instruments[0].limits.order_quantity_max", "'NaN'", '"0.5"'),
    ('_max = "0.5"', '_max = "0.0"', "venues[0].instruments[0].limits.order_quantity_max", "above zero", "above zero"),
    ('_max = "0"', '_max = "-1"', "venues[0].instruments[0].limits.short_position_max", "'-1'", "zero or more"),
    ('symbol = "BTCUSDT"', 'symbol = "btcusdt"', "venues[0].instruments[0].symbol", "'btcusdt'", "upper case"),
    ('adapter = "binance"', 'adapter = "bittrex"', "venues[0].adapter", "'bittrex'", '"binance"'),
    ('placement = "own-process"', 'placement = "own"', "strategies[0].placement", "'own'", '"own-process"'),
    ('id = "quoter"', 'id = "a-name-of-17-chars"', "strategies[0].id", "a-name-of-17-chars", "1 to 16"),
    ('"strategy.py:Quoter"', '"strategy.py"', "strategies[0].source", "'strategy.py'", "module:Class"),
    ("skew = 0.5", "skew = [1]", "strategies[0].parameters.skew", "is an array", "text, a number"),
    ("skew = 0.5", "skew = inf", "strategies[0].parameters.skew", "is inf", "finite"),
    ("skew = 0.5", f"skew = {2**63}", "strategies[0].parameters.skew", "64 bits", "smaller"),
    ('["binance:BTCUSDT", "binance:ETHUSDT"]', "[]", "strategies[0].instruments", "is empty", "at least one"),
    ('["binance:BTCUSDT", "binance:ETHUSDT"]', '"x"', "strategies[0].instruments", "not an array", "square brackets"),
    ('"binance:ETHUSDT"]', "7]", "strategies[0].instruments[1]", "is a whole number", "in quotes"),
    ('"https://127', '"http://10', "venues[0].rest_url", "in clear", "use https://"),
    ('"ws://localhost', '"ws://localhost.example', "venues[0].streams_url", "in clear", "use wss://"),
    ('"ws://localhost', '"wss://user:pw@localhost', "venues[0].streams_url", "user name", "credentials"),
]


@pytest.mark.parametrize(("old", "new", "key", "problem", "remedy"), ONE_WRONG)
def test_one_wrong_value_is_one_error_with_line_key_and_remedy(
    right_text: str, problems_of: Problems, old: str, new: str, key: str, problem: str, remedy: str
) -> None:
    (found,) = problems_of(edited(right_text, old, new))
    assert found.key == key
    assert problem in found.problem
    assert remedy in found.remedy
    # A missing key is told at its table's line, which is above; everything else at its own.
    offset = right_text[: right_text.index(old)].count("\n") + 1
    assert found.line <= offset if "missing" in problem else found.line == offset


UNDERTAKER = """\
[venues.undertaker_credentials]
key_type = "hmac"
api_key_file = "cancel.key"
secret_file = "cancel.secret"
"""

RELATIONS = [
    ("[engine]", "[lease]\nrenew_ms = 500\n[engine]", "lease.renew_ms", "one lost renewal would halt", "less than 500"),
    ("[engine]", "[lease]\nduration_ms = 401\nrenew_ms = 201\n[engine]", "lease.renew_ms", "401 ms", "less than 201"),
    ("[engine]", "[kill]\nacknowledge_ms = 1000\n[engine]", "kill.acknowledge_ms", "lease of 1000 ms", "less than"),
    (
        '[[accounts]]\nid = "main"',
        '[kill]\nfence = true\n[[accounts]]\nid = "main"',
        "kill.fence",
        "one process",
        "ray",
    ),
    ("[engine]", "[kill]\ndrill_every_s = 9\n[engine]", "kill.drill_every_s", "all drills", "at least 10"),
    (
        "[engine]",
        '[kill]\ndrill_strategies = ["quoter", "gone"]\n[engine]',
        "kill.drill_strategies[1]",
        '"gone" is not among strategies',
        '"quoter"',
    ),
    ('id = "other"', 'id = "main"', "accounts[1].id", "twice", "its own name"),
    ('name = "second"', 'name = "binance"', "venues[1].name", "twice", "its own name"),
    ('symbol = "ETHUSDT"', 'symbol = "BTCUSDT"', "venues[0].instruments[1].symbol", "twice", "remove one"),
    ('"binance:ETHUSDT"]', '"binance:BTCUSDT"]', "strategies[0].instruments[1]", "twice", "remove one"),
    ('account = "main"', 'account = "mine"', "venues[0].account", '"mine" is not among accounts', '"main", "other"'),
    ('venue = "binance"', 'venue = "bin"', "strategies[0].venue", '"bin" is not among venues', '"second"'),
    ('"binance:ETHUSDT"]', '"binance:XRPUSDT"]', "strategies[0].instruments[1]", "not among", '"binance:BTCUSDT"'),
    ('"binance:ETHUSDT"]', '"second:BTCUSDT"]', "strategies[0].instruments[1]", "not of its venue", "binance:SYMBOL"),
    ('long_position_max = "2"', 'long_position_max = "0.4"', "", "could never pass", "raise a position limit"),
    ('secret_file = "secret.txt"', 'secret_file = "key.txt"', "", "is the api_key_file", "holds the secret"),
    (
        'key_type = "hmac"',
        'key_type = "es256"',
        "venues[0].credentials.key_type",
        "binance has no such keys",
        "hmac or ed25519",
    ),
    (
        'adapter = "binance"',
        'adapter = "coinbase"',
        "venues[0].credentials.key_type",
        "coinbase has no such keys",
        "es256 or ed25519",
    ),
    (
        "[venues.credentials]",
        UNDERTAKER.replace("cancel.secret", "cancel.key") + "[venues.credentials]",
        "undertaker_credentials.secret_file",
        "is the api_key_file",
        "holds the secret",
    ),
    (
        "[venues.credentials]",
        UNDERTAKER.replace("cancel.secret", "secret.txt") + "[venues.credentials]",
        "undertaker_credentials.secret_file",
        "a key that may trade",
        "may only cancel",
    ),
    *(
        (
            "[engine]",
            f'[[people]]\nname = "bea"\npublic_key = "{key}"\nmay = ["release"]\n[engine]',
            "",
            "anybody",
            "keygen",
        )
        for key in ("00" * 32, "01" + "00" * 31, "00" * 31 + "80", "ee" + "ff" * 31)
    ),
    ('id = "quoter"', 'id = "flatten"', "strategies[0].id", "closing orders", "another name"),
]


@pytest.mark.parametrize(("old", "new", "key", "problem", "remedy"), RELATIONS)
def test_a_broken_relation_is_told_with_its_reason(
    right_text: str, problems_of: Problems, old: str, new: str, key: str, problem: str, remedy: str
) -> None:
    found = problems_of(edited(right_text, old, new))
    told = [f for f in found if problem in f.problem and remedy in f.remedy and key in f.key]
    assert len(told) == 1
    # What else follows from the same edit (a strategy whose venue's account is gone) is about that, too.
    assert len(found) <= 3


def test_a_strategy_may_not_use_a_venue_of_another_account(right_text: str, problems_of: Problems) -> None:
    head, strategy = right_text.split("[[strategies]]")
    strategy = strategy.replace('venue = "binance"', 'venue = "second"').replace(
        '["binance:BTCUSDT", "binance:ETHUSDT"]', '["second:BTCUSDT"]'
    )
    (found,) = problems_of(f"{head}[[strategies]]{strategy}")
    assert found.key == "strategies[0].venue"
    assert 'trades account "other", and this strategy was given "main"' in found.problem


def test_a_broken_name_is_told_once_and_not_again_where_it_is_referred_to(
    right_text: str, problems_of: Problems
) -> None:
    (found,) = problems_of(edited(right_text, 'id = "main"', 'id = "Main"'))
    assert found.key == "accounts[0].id"


# -- several things wrong --------------------------------------------------------------------------------------


def test_every_error_comes_in_one_go_in_the_order_of_the_file(
    right_text: str, config_path: Path, problems_of: Problems
) -> None:
    text = edited(right_text, 'runtime = "local"', 'runtime = "x"')
    text = edited(text, "orders_burst_max = 40\n", "orders_burst = 40\n")
    text = edited(text, '"https://127', '"http://128')
    text = edited(text, 'secret_file = "secret.txt"', 'secret_file = "gone.txt"')
    text = edited(text, '"0.5"', "0.5")
    text = edited(text, '"binance:ETHUSDT"', '"binance:XRPUSDT"')
    text = edited(text, "[engine]", "[lease]\nrenew_ms = 900\n[engine]")
    found = problems_of(text)
    assert [problem.key for problem in found] == [
        "lease.renew_ms",
        "engine.runtime",
        "accounts[0].limits.orders_burst",
        "venues[0].rest_url",
        "venues[0].credentials.secret_file",
        "venues[0].instruments[0].limits.order_quantity_max",
        "strategies[0].instruments[1]",
    ]
    with pytest.raises(ConfigErrors) as raised:
        load_config(config_path)
    lines = str(raised.value).splitlines()
    assert len(lines) == len(found)
    assert lines[0].startswith(f"{config_path}:2: lease.renew_ms: is 900, ")
    assert all(
        f"{config_path}:{problem.line}: {problem.key}: " in line for problem, line in zip(found, lines, strict=True)
    )


def test_an_empty_file_lacks_every_table_that_has_no_default(problems_of: Problems) -> None:
    assert [(problem.key, problem.line) for problem in problems_of("")] == [
        ("accounts", 1),
        ("engine", 1),
        ("venues", 1),
    ]


@pytest.mark.parametrize("without", ["accounts", "venues"])
def test_an_empty_array_counts_as_missing_and_hides_nothing_else(
    right_text: str, problems_of: Problems, without: str
) -> None:
    head = f'{without} = []\nxyz = 1\n[engine]\nname = "a"\nruntime = "ray"\nstate_dir = "."\n'
    other = "venues" if without == "accounts" else "accounts"
    assert {problem.key for problem in problems_of(head)} == {without, other, "xyz"}


# -- secrets ---------------------------------------------------------------------------------------------------

SECRET = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('secret_file = "secret.txt"', f'secret_file = "{SECRET}"'),
        ('api_key_file = "key.txt"', f'api_key_file = "{SECRET}"'),
        ('key_type = "hmac"', f'key_type = "{SECRET}"'),
        ('key_type = "hmac"', f'key_type = "hmac"\napi_secret = "{SECRET}"'),
        ('key_type = "hmac"', f'key_type = "hmac"\nprivate_key = "{SECRET}"'),
        ('key_type = "hmac"', f'key_type = "hmac"\nsecret = "{SECRET}"'),
        ('name = "desk1"', f'name = "desk1"\npassphrase = "{SECRET}"'),
        ("skew = 0.5", f'api_key = "{SECRET}"'),
        ("skew = 0.5", f'skew = """-----BEGIN PRIVATE KEY-----\n{SECRET}"""'),
        ('secret_file = "secret.txt"', f'secret_file = """-----BEGIN PRIVATE KEY-----\n{SECRET}"""'),
        ('secret_file = "secret.txt"', f'secret_file = """\n\\u0001{SECRET}"""'),
    ],
)
def test_a_secret_in_the_file_is_an_error_that_does_not_repeat_it(
    right_text: str, problems_of: Problems, old: str, new: str
) -> None:
    found = problems_of(edited(right_text, old, new))
    assert len(found) >= 1
    assert not any(SECRET[:12] in str(problem) for problem in found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_file_open_to_others_is_an_error(
    right_text: str, config_path: Path, problems_of: Problems, mode: int
) -> None:
    (config_path.parent / "secret.txt").chmod(mode)
    (found,) = problems_of(right_text)
    assert found.key == "venues[0].credentials.secret_file"
    assert f"(mode {mode:04o})" in found.problem
    assert "chmod 600" in found.remedy


def test_files_are_looked_at_only_when_asked(right_text: str, config_path: Path) -> None:
    (config_path.parent / "secret.txt").unlink()
    (config_path.parent / "strategy.py").unlink()
    config_path.write_text(right_text)
    with pytest.raises(ConfigErrors):
        load_config(config_path)
    assert load_config(config_path, check_files=False).engine.name == "desk1"


FILES = [
    ('ca_file = "ca.pem"', 'ca_file = "."', "venues[0].ca_file", "is not a file"),
    ('ca_file = "ca.pem"', 'ca_file = "gone.pem"', "venues[0].ca_file", "No such file"),
    ('secret_file = "secret.txt"', 'secret_file = "."', "venues[0].credentials.secret_file", "is not a file"),
    ('secret_file = "secret.txt"', f'secret_file = "{"a./" * 2000}"', "venues[0].credentials.secret_file", "too long"),
    ('state_dir = "state"', 'state_dir = "missing/state"', "engine.state_dir", "missing does not exist"),
    ('state_dir = "state"', 'state_dir = "ca.pem"', "engine.state_dir", "is not a directory"),
    ('state_dir = "state"', 'state_dir = "/"', "engine.state_dir", "root of a file system"),
    ('state_dir = "state"', 'state_dir = "/usr/.."', "engine.state_dir", "root of a file system"),
    ('state_dir = "state"', 'state_dir = "ca.pem/x"', "engine.state_dir", "Not a directory"),
    ('"strategy.py:Quoter"', '"gone.py:Quoter"', "strategies[0].source", "No such file"),
    ('"strategy.py:Quoter"', '"no_such_module:Quoter"', "strategies[0].source", "not installed"),
    ('"strategy.py:Quoter"', '"examples.no_such:Quoter"', "strategies[0].source", "not installed"),
    ('"strategy.py:Quoter"', '"json.decoder.deeper:Quoter"', "strategies[0].source", "not installed"),
]


@pytest.mark.parametrize(("old", "new", "key", "problem"), FILES)
def test_a_file_that_would_fail_later_is_told_now(
    right_text: str, problems_of: Problems, old: str, new: str, key: str, problem: str
) -> None:
    (found,) = problems_of(edited(right_text, old, new))
    assert found.key == key
    assert problem in found.problem


@pytest.mark.parametrize("source", ["examples.quoter:Quoter", "json.decoder:JSONDecoder"])
def test_an_installed_module_is_found(right_text: str, problems_of: Problems, source: str) -> None:
    assert problems_of(edited(right_text, "strategy.py:Quoter", source)) == []


# -- not even a document ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "named"),
    [
        (b"[engine]\nname = \n", 2, "not TOML: Invalid value at column 8"),
        (b'[engine]\nname = "a"\nname = "b"\n', 3, "not TOML"),
        (b"[engine]\nname = [1,\n", 2, "not TOML"),
        (b"[engine]\n# \xff\n", 2, "not UTF-8"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, 1, "nested too deeply"),
        (b"a = " + b"9" * 5000, 1, "not TOML"),
    ],
)
def test_what_is_not_toml_is_one_error_with_its_line(config_path: Path, data: bytes, line: int, named: str) -> None:
    config_path.write_bytes(data)
    with pytest.raises(ConfigErrors) as raised:
        load_config(config_path)
    (problem,) = raised.value.problems
    assert (problem.line, problem.key) == (line, "")
    assert named in problem.problem
    assert str(problem).count(": ") >= 1


@pytest.mark.parametrize(("name", "named"), [("missing.toml", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, named: str) -> None:
    with pytest.raises(UsageError, match=named) as error:
        load_config(tmp_path / name)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


# -- fuzz ------------------------------------------------------------------------------------------------------

FRAGMENTS = st.sampled_from(
    [
        "[",
        "]",
        "[[",
        "]]",
        '"',
        "'",
        '"""',
        "=",
        ".",
        "{",
        "}",
        ",",
        "\n",
        "#",
        "-1",
        "1e400",
        "0x1f",
        "\\",
        "\0",
        "é",
        "true",
        '""',
        "nan",
        "[[venues]]\n",
        "[strategies.parameters]\n",
        '"https://[::1"',
        '"ws://x:99999"',
        "{}",
        "[]",
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_file_loads_or_is_refused_with_config_errors_only(
    right_text: str, config_path: Path, data: st.DataObject
) -> None:
    text = right_text
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.sampled_from([0, 0, 1, 3, 10, 80])))
        text = text[:start] + data.draw(FRAGMENTS) + text[end:]
    check_refused_or_loaded(config_path, text)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_values_exchanged_loads_or_is_refused_with_config_errors_only(
    right_text: str, config_path: Path, data: st.DataObject
) -> None:
    lines = right_text.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        key, equals, _ = lines[number].partition("=")
        if equals:
            lines[number] = f"{key}= {data.draw(VALUES)}"
        elif data.draw(st.booleans()):
            lines[number] = ""
    check_refused_or_loaded(config_path, "\n".join(lines))


VALUES = st.one_of(
    st.sampled_from(
        ["[]", "{}", "true", "nan", "-0.0", "1979-05-27", "07:32:00", "[[1]]", "[{}]", '["a"]', "[1, 'b']"]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str).filter(lambda text: text[0] in "-0123456789"),
    st.text(st.characters(min_codepoint=32, exclude_characters="'\x7f", exclude_categories=("Cs",)), max_size=12).map(
        lambda text: f"'{text}'"
    ),
    st.sampled_from(["binance:BTCUSDT", "main", "https://[", "wss://a:b", "0.5", "/dev/null", "x.py:A"]).map(
        lambda text: f'"{text}"'
    ),
)


def check_refused_or_loaded(path: Path, text: str) -> None:
    path.write_text(text)
    problems: list[ConfigProblem] = []
    told: list[str] = []
    try:
        assert len(instruments_of(load_config(path))) >= 1
    except ConfigErrors as errors:
        problems, told = errors.problems, str(errors).splitlines()
    assert len(told) == len(problems)
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in problems)


def test_a_loaded_configuration_survives_the_way_to_another_process(config_path: Path, right_text: str) -> None:
    """Its defaults, an empty ca_file included, are written out and read back under the same rules."""
    config_path.write_text(right_text)
    config = load_config(config_path)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=EngineConfig) == config


def test_a_venue_that_writes_its_pairs_with_a_slash(right_text: str, config_path: Path) -> None:
    text = right_text.replace("BTCUSDT", "BTC/USD").replace('adapter = "binance"', 'adapter = "kraken"')
    config_path.write_text(text.replace('key_type = "ed25519"', 'key_type = "hmac"'))
    venue = load_config(config_path).venues[0]
    assert (venue.adapter, venue.instruments[0].symbol) == ("kraken", "BTC/USD")
