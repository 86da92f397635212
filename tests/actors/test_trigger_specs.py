"""What each width of scope has a trigger watch: venue actors and instruments, and none beside them."""

from pathlib import Path

import pytest
from trading_desk import ACCOUNT, HEAD, VENUE_TABLE, strategy

from actors.trigger_specs import trigger_specs
from config.loader import load_config

SECOND_INSTRUMENT = VENUE_TABLE[VENUE_TABLE.index("[[venues.instruments]]") :].replace("BTCUSDT", "ETHUSDT")
TRIGGER = '\n[[triggers]]\nkind = "spread_widening"\nscope = "{}"\nmode = "halt"\nconsecutive = 2\nspread_bps_max = 9\n'
BTC, ETH, FAR = "venue.binance:BTCUSDT", "venue.binance:ETHUSDT", "venue.far:BTCUSDT"


@pytest.mark.parametrize(
    ("scope", "instruments"),
    [
        ("global", {BTC, ETH, FAR}),
        ("account:desk", {BTC, ETH, FAR}),
        ("venue:binance", {BTC, ETH}),
        ("venue:far", {FAR}),
        ("strategy:one", {BTC}),
        ("strategy:both", {BTC, ETH}),
        ("instrument:binance:ETHUSDT", {ETH}),
        ("instrument:far:BTCUSDT", {FAR}),
        ("strategy:both+instrument:binance:ETHUSDT", {ETH}),
        ("venue:binance+instrument:binance:BTCUSDT", {BTC}),
    ],
)
def test_a_trigger_watches_what_its_scope_covers(tmp_path: Path, scope: str, instruments: set[str]) -> None:
    near = VENUE_TABLE.format(name="binance", account="desk") + SECOND_INSTRUMENT
    far = VENUE_TABLE.format(name="far", account="desk")
    two = 'instruments = ["binance:BTCUSDT", "binance:ETHUSDT"]'
    strategies = strategy("one") + strategy("both").replace('instruments = ["binance:BTCUSDT"]', two)
    path = tmp_path / "desk.toml"
    path.write_text(HEAD + ACCOUNT.format(account="desk") + near + far + strategies + TRIGGER.format(scope))
    (spec,) = trigger_specs(load_config(path, check_files=False), "desk")
    assert set(spec.instruments) == instruments
    assert set(spec.venue_actors) == {each.partition(":")[0] for each in instruments}
    assert spec.again_percent == 50
