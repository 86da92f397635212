"""The fingerprint: the same for the same rules wherever a host keeps its files, another for any other rule."""

import shutil
from pathlib import Path

import pytest

from config.hashing import config_hash
from config.loader import load_config


def hash_of(path: Path, text: str) -> str:
    path.write_text(text)
    return config_hash(load_config(path, check_files=False))


def test_order_of_tables_comments_and_place_on_disk_do_not_matter(
    right_text: str, config_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "desk.toml"
    shutil.copytree(config_path.parent, elsewhere.parent, dirs_exist_ok=True)
    head, rest = right_text.split("[[accounts]]", 1)
    moved = f"# another order\n[[accounts]]{rest}\n{head}"
    first = hash_of(config_path, right_text)
    assert first == hash_of(elsewhere, moved)
    assert len(first) == 64


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("secret.txt", "other.txt"),
        ("key.txt", "other.txt"),
        ("ca.pem", "other.pem"),
        ('state_dir = "state"', 'state_dir = "/elsewhere"'),
        ("strategy.py", "folder/strategy.py"),
        ("[engine]", "[lease]\nduration_ms = 1000\n[engine]"),
        ("[engine]", '[metrics]\nport = 9464\nhost = "0.0.0.0"\n[engine]'),
    ],
)
def test_where_a_host_keeps_its_files_and_a_written_default_do_not_matter(
    right_text: str, config_path: Path, old: str, new: str
) -> None:
    assert hash_of(config_path, right_text) == hash_of(config_path, right_text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("desk1", "desk2"),
        ('"local"', '"ray"'),
        ("open_orders_max = 50", "open_orders_max = 51"),
        ('order_notional_max = "20000"', 'order_notional_max = "20001"'),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8444"),
        ('"hmac"', '"ed25519"'),
        ("strategy.py:Quoter", "strategy.py:Other"),
        ("strategy.py:Quoter", "another.py:Quoter"),
        ("skew = 0.5", "skew = 0.25"),
        ("aggressive = false", "aggressive = 0"),
        ('["binance:BTCUSDT", "binance:ETHUSDT"]', '["binance:ETHUSDT", "binance:BTCUSDT"]'),
        ("[engine]", "[lease]\nduration_ms = 1001\n[engine]"),
        ("[engine]", "[kill]\ndrill_every_s = 60\n[engine]"),
    ],
)
def test_any_other_rule_is_another_configuration(right_text: str, config_path: Path, old: str, new: str) -> None:
    assert old in right_text
    assert hash_of(config_path, right_text) != hash_of(config_path, right_text.replace(old, new))


def test_where_an_undertakers_credentials_are_does_not_matter_and_whether_it_has_any_does(
    right_text: str, config_path: Path
) -> None:
    table = '[venues.undertaker_credentials]\nkey_type = "hmac"\napi_key_file = "a"\nsecret_file = "b"\n'
    text = right_text.replace("[venues.credentials]", table + "[venues.credentials]", 1)
    first = hash_of(config_path, text)
    assert first == hash_of(config_path, text.replace('"a"', '"c"').replace('"b"', '"d"'))
    assert first != hash_of(config_path, right_text)
