"""Reading recordings: what is found in them, and how bad ones are refused."""

import gzip
import io
from collections.abc import Iterator

import pytest

from adapters.simulator.recording import (
    DepthSnapshot,
    instrument_of,
    read_lines,
    scan,
    split_symbol,
    symbol_messages,
)
from engine.errors import UsageError

DEPTH = (
    b'100 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":11,"u":14,'
    b'"b":[["61685.50000000","0.00250000"]],"a":[["61690.00000000","0.00000000"]]}}\n'
)
TICKER = (
    b'150 {"stream":"btcusdt@bookTicker","data":{"u":15,"s":"BTCUSDT","b":"61685.75000000","B":"1.00000000",'
    b'"a":"61686.00000000","A":"2.00500000"}}\n'
)
TRADE = (
    b'190 {"stream":"ethusdc@trade","data":{"e":"trade","E":1,"s":"ETHUSDC","t":7,"p":"2600.10000000",'
    b'"q":"0.30000000","T":1,"m":true,"M":true}}\n'
)
SNAPSHOT = (
    b'120 {"lastUpdateId":12,"bids":[["61685.00000000","3.00000000"]],"asks":[["61686.25000000","4.00000000"]]}\n'
)
ALL_SYMBOLS = b'195 {"stream":"!ticker@arr","data":[]}\n'


def test_a_scan_tells_symbols_streams_times_and_update_ids() -> None:
    found = scan([DEPTH, SNAPSHOT, TICKER, TRADE, ALL_SYMBOLS])
    assert (found.lines, found.first_time_ns, found.last_time_ns, found.unassigned_lines) == (5, 100, 195, 1)
    assert found.streams == {
        "btcusdt@depth@100ms": 1,
        "": 1,
        "btcusdt@bookTicker": 1,
        "ethusdc@trade": 1,
        "!ticker@arr": 1,
    }
    btc, eth = found.symbols["BTCUSDT"], found.symbols["ETHUSDC"]
    assert (btc.lines, btc.first_update_id, btc.last_update_id) == (3, 11, 14)
    assert btc.snapshot == DepthSnapshot(12, (("61685.00000000", "3.00000000"),), (("61686.25000000", "4.00000000"),))
    assert (eth.lines, eth.snapshot) == (1, None)


def test_tick_and_lot_are_the_greatest_common_divisors() -> None:
    btc = scan([DEPTH, SNAPSHOT, TICKER]).symbols["BTCUSDT"]
    assert (btc.tick_units, btc.price_scale) == (25, 2)
    assert (btc.lot_units, btc.quantity_scale) == (25, 4)
    assert btc.price_ticks_max == 6169000 // 25
    assert btc.quantity_lots_max == 40000 // 25


def test_the_instrument_trades_everything_that_was_recorded() -> None:
    instrument = instrument_of(scan([DEPTH, TICKER]).symbols["BTCUSDT"], 3)
    assert (instrument.instrument_id, instrument.venue, instrument.symbol) == (3, "binance", "BTCUSDT")
    assert (instrument.base_asset, instrument.quote_asset) == ("BTC", "USDT")
    assert instrument.price_text(instrument.price_ticks("61685.75")) == "61685.75"
    assert instrument.quantity_text(instrument.quantity_lots("2.005")) == "2.0050"
    assert instrument.price_ticks("61690") <= instrument.price_ticks_max
    assert instrument.quantity_lots("2.005") <= instrument.market_quantity_lots_max <= instrument.quantity_lots_max
    assert instrument.quote_text(instrument.notional_tick_lots_min).startswith("5.0")
    assert (instrument.open_orders_max, instrument.bid_up_ppm, instrument.ask_down_ppm) == (200, 5_000_000, 200_000)


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [("BTCUSDT", "BTC", "USDT"), ("ETHBTC", "ETH", "BTC"), ("BTCFDUSD", "BTC", "FDUSD"), ("USDTTRY", "USDT", "TRY")],
)
def test_symbols_are_split_at_a_known_quote_asset(symbol: str, base: str, quote: str) -> None:
    assert split_symbol(symbol) == (base, quote)


@pytest.mark.parametrize("symbol", ["BTCXYZ", "USDT", ""])
def test_a_symbol_without_a_known_quote_asset_is_refused(symbol: str) -> None:
    with pytest.raises(UsageError, match="quote asset"):
        split_symbol(symbol)


def test_nothing_to_infer_from_is_refused() -> None:
    found = scan([b'1 {"stream":"btcusdt@kline_1m","data":{"e":"kline"}}\n'])
    with pytest.raises(UsageError, match="BTCUSDT"):
        instrument_of(found.symbols["BTCUSDT"], 0)


def test_payloads_are_the_recorded_bytes() -> None:
    odd = b'7 {"stream":"btcusdt@trade", "data": {"p" : "1.0",  "q":"2.50", "m":true }}\r\n'
    (line,) = read_lines([odd])
    assert (line.number, line.time_ns, line.stream) == (1, 7, "btcusdt@trade")
    assert line.payload == b'{"p" : "1.0",  "q":"2.50", "m":true }'


def test_one_symbols_messages_leave_out_snapshots_and_other_symbols() -> None:
    lines = read_lines([DEPTH, SNAPSHOT, TRADE, ALL_SYMBOLS, TICKER])
    assert [line.number for line in symbol_messages(lines, "BTCUSDT")] == [1, 5]


# -- snapshots -------------------------------------------------------------------------------------------------


def test_a_snapshot_belongs_to_the_symbol_whose_update_ids_cover_it() -> None:
    eth = DEPTH.replace(b"btcusdt", b"ethusdt").replace(b'"U":11,"u":14', b'"U":501,"u":505')
    found = scan([DEPTH, eth, SNAPSHOT.replace(b":12,", b":500,"), SNAPSHOT.replace(b":12,", b":99,")])
    assert found.symbols["BTCUSDT"].snapshot is None
    assert found.symbols["ETHUSDT"].snapshot is not None
    assert found.unassigned_lines == 1


def test_a_snapshot_that_fits_two_symbols_is_refused() -> None:
    with pytest.raises(UsageError, match=r"line 3.*BTCUSDT and ETHUSDT"):
        scan([DEPTH, DEPTH.replace(b"btcusdt", b"ethusdt"), SNAPSHOT])


def test_the_first_snapshot_wins() -> None:
    found = scan([SNAPSHOT, DEPTH, SNAPSHOT.replace(b":12,", b":13,")])
    snapshot = found.symbols["BTCUSDT"].snapshot
    assert snapshot is not None
    assert snapshot.last_update_id == 12


# -- bad recordings --------------------------------------------------------------------------------------------

BAD_LINES = [
    (b"\n", "line 2 is not"),
    (b"garbage\n", "line 2 is not"),
    (b'{"stream":"x@trade","data":{}}\n', "line 2 is not"),
    (b"12.5 {}\n", "line 2 is not"),
    (b'99 {"stream":"x@trade","da\n', "line 2 is neither"),
    (b'99 {"stream":"","data":{}}\n', "line 2 has an empty stream"),
    (b'99 {"code":-1003}\n', "line 2 is neither"),
    (b'99 {"stream":"btcusdt@trade","data":7}\n', r"line 2 \(btcusdt@trade\)"),
    (b'99 {"stream":"btcusdt@trade","data":{"p":1.5,"q":"1","m":true}}\n', r"line 2 \(btcusdt@trade\)"),
    (b'99 {"stream":"btcusdt@trade","data":{"p":"1e5","q":"1","m":true}}\n', "'1e5' is not a plain decimal"),
    (b'99 {"stream":"btcusdt@bookTicker","data":{"u":1,"b":"","B":"1","a":"2","A":"1"}}\n', "line 2"),
    (b'99 {"stream":"btcusdt@depth","data":{"U":1,"u":1,"b":[["-1","1"]],"a":[]}}\n', "'-1' is not a plain"),
    (b'99 {"stream":"btcusdt@depth","data":{"U":1,"u":1,"b":[["1"]],"a":[]}}\n', "line 2"),
]


@pytest.mark.parametrize(("bad", "names"), BAD_LINES)
def test_a_garbled_line_is_refused_by_its_number(bad: bytes, names: str) -> None:
    with pytest.raises(UsageError, match=names):
        scan([DEPTH, bad, TICKER], "file.gz")


def test_an_empty_recording_is_refused() -> None:
    with pytest.raises(UsageError, match=r"file\.gz has no line"):
        scan([], "file.gz")


def test_a_line_that_breaks_off_is_garbled() -> None:
    with pytest.raises(UsageError, match="line 2 is neither"):
        scan([DEPTH, TICKER[:-20]])


def test_a_truncated_gzip_tells_after_which_line() -> None:
    whole = gzip.compress(b"".join(DEPTH.replace(b"100 ", b"%d " % n) for n in range(100, 3000)))
    with gzip.open(io.BytesIO(whole)) as file:
        assert scan(file).lines == 2900
    with gzip.open(io.BytesIO(whole[: len(whole) // 2])) as file, pytest.raises(UsageError, match=r"after line \d+"):
        scan(file, "half.gz")


def test_what_is_no_gzip_is_refused() -> None:
    with gzip.open(io.BytesIO(b"plain text")) as file, pytest.raises(UsageError, match="cannot be read after line 0"):
        scan(file)


def test_a_read_error_names_the_file_and_the_line() -> None:
    def failing() -> Iterator[bytes]:
        yield DEPTH
        raise OSError("disk gone")

    with pytest.raises(UsageError, match=r"a\.gz cannot be read after line 1: disk gone"):
        scan(failing(), "a.gz")
