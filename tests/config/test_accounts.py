"""What accounts must not share, and that whoever must be two people is: each told with key, reason and remedy."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from config.accounts import request_share_percent
from config.errors import ConfigProblem
from config.loader import load_config

Problems = Callable[[str], list[ConfigProblem]]

PERSON = """
[[people]]
name = "{name}"
public_key = "{key}"
may = [{may}]
"""


def person(name: str, *may: str) -> str:
    listed = ", ".join(f'"{each}"' for each in may)
    return PERSON.format(name=name, key=name.encode().hex().rjust(64, "7"), may=listed)


# -- keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["key", "secret"])
def test_two_venues_do_not_use_one_key_file(right_text: str, problems_of: Problems, name: str) -> None:
    (found,) = problems_of(right_text.replace(f"{name}-2.txt", f"./{name}.txt"))
    assert found.key == f"venues[1].credentials.{'api_key' if name == 'key' else 'secret'}_file"
    assert 'is the file that venue "binance" uses' in found.problem
    assert "a key of its own" in found.remedy


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_nor_one_file_under_two_names(
    right_text: str, config_path: Path, problems_of: Problems, link: Callable[[Path, Path], None]
) -> None:
    other = config_path.parent / "key-2.txt"
    other.unlink()
    link(config_path.parent / "key.txt", other)
    (found,) = problems_of(right_text)
    assert found.key == "venues[1].credentials.api_key_file"


def test_nor_one_key_in_two_files_which_is_not_shown(right_text: str, config_path: Path, problems_of: Problems) -> None:
    (config_path.parent / "key.txt").write_text("K" * 64)
    (config_path.parent / "key-2.txt").write_text("K" * 64 + "\n")
    (found,) = problems_of(right_text)
    assert found.key == "venues[1].credentials.api_key_file"
    assert 'holds the API key that venue "binance" uses' in found.problem
    assert "KKK" not in str(found)


def test_an_undertakers_key_is_not_the_trading_key_in_another_file(
    right_text: str, config_path: Path, problems_of: Problems
) -> None:
    for name, text in (("cancel.key", "value of key.txt"), ("cancel.secret", "x")):
        (config_path.parent / name).write_text(text)
        (config_path.parent / name).chmod(0o600)
    table = (
        '[venues.undertaker_credentials]\nkey_type = "hmac"\napi_key_file = "cancel.key"\n'
        'secret_file = "cancel.secret"\n'
    )
    (found,) = problems_of(right_text.replace("[venues.credentials]", table + "[venues.credentials]", 1))
    assert found.key == "venues[0].undertaker_credentials.api_key_file"
    assert "holds the API key" in found.problem


def test_keys_are_not_read_where_files_are_not_looked_at(right_text: str, config_path: Path) -> None:
    config_path.write_text(right_text.replace("key-2.txt", "key.txt"))
    assert load_config(config_path, check_files=False).venues[1].name == "second"


def test_a_key_file_that_would_block_whoever_opens_it_is_an_error_and_is_not_opened(
    right_text: str, config_path: Path, problems_of: Problems
) -> None:
    path = config_path.parent / "key.txt"
    path.unlink()
    os.mkfifo(path, 0o600)
    (found,) = problems_of(right_text)
    assert "is not a file" in found.problem


# -- people ------------------------------------------------------------------------------------------------------


def test_one_person_alone_could_release_nothing(right_text: str, problems_of: Problems) -> None:
    (found,) = problems_of(right_text + person("ann", "release", "enable") + person("bob", "enable"))
    assert found.key == "people[0].may"
    assert '"ann" is the only one who may release a kill, and two different people must' in found.problem
    assert 'may = ["release"]' in found.remedy


@pytest.mark.parametrize(
    "people", [(), (("ann", "enable"),), (("ann", "release"), ("bob", "release", "enable"))], ids=["none", "one", "two"]
)
def test_nobody_or_two_people_may_release(
    right_text: str, problems_of: Problems, people: tuple[tuple[str, ...], ...]
) -> None:
    assert problems_of(right_text + "".join(person(*each) for each in people)) == []


# -- names that look the same -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u202e", "\u3164", "\U000e0041"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('symbol = "BTCUSDT"', 'symbol = "BTC{}USDT"'),
        ('currency = "USDT"', 'currency = "USDT{}"'),
        ('id = "main"', 'id = "ma{}in"'),
        ('name = "binance"', 'name = "binance{}"'),
        ('id = "quoter"', 'id = "{}quoter"'),
        ('"binance:BTCUSDT"', '"binance:BTC{}USDT"'),
    ],
)
def test_a_name_has_no_sign_that_nobody_sees(
    right_text: str, problems_of: Problems, sign: str, old: str, new: str
) -> None:
    found = problems_of(right_text.replace(old, new.format(sign), 1))
    assert any(ascii(sign)[1:-1] in each.problem for each in found)  # it is shown, not printed
    assert not any(sign in str(each) for each in found)


# -- request limits that are shared --------------------------------------------------------------------------------


def shares(config_path: Path, text: str) -> list[int]:
    config_path.write_text(text)
    config = load_config(config_path)
    return [request_share_percent(config, venue) for venue in config.venues]


def test_tables_of_one_venue_share_its_limits_per_address(right_text: str, config_path: Path) -> None:
    assert shares(config_path, right_text) == [100, 100]  # of two hosts
    same = right_text.replace("https://127.0.0.1:8443", "https://VENUE.example")
    assert shares(config_path, same) == [50, 50]
    given = same.replace('account = "main"\nrest_url', 'account = "main"\nrequest_share_percent = 30\nrest_url')
    assert shares(config_path, given) == [30, 50]


def test_nobody_gives_out_more_of_a_shared_limit_than_there_is(right_text: str, problems_of: Problems) -> None:
    same = right_text.replace("https://127.0.0.1:8443", "https://venue.example")
    given = same.replace('account = "main"\nrest_url', 'account = "main"\nrequest_share_percent = 70\nrest_url')
    assert (
        problems_of(given.replace('account = "other"\nrest', 'account = "other"\nrequest_share_percent = 30\nrest'))
        == []
    )
    (found,) = problems_of(
        given.replace('account = "other"\nrest', 'account = "other"\nrequest_share_percent = 31\nrest')
    )
    assert found.key == "venues[1].request_share_percent"
    assert "may spend 101 % of what they share" in found.problem
