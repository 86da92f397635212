"""What the venues' documentation quotes of their messages, and others have recorded, decodes without loss.

``quoted_frames/<venue>.txt``: a message a line, after the type that the adapter decodes it as, and with what is decoded
in a second step as ``field=type`` (``tuple:`` and ``dict:`` of a type are what they say).
"""

import copy
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

import adapters.binance.messages as binance_messages
import adapters.coinbase.messages as coinbase_messages
import adapters.kraken.messages as kraken_messages
from adapters.binance import parse as binance
from adapters.coinbase import parse as coinbase
from adapters.grid import InstrumentGrid
from adapters.kraken import parse as kraken
from adapters.kraken import questions as kraken_questions

MODULES = {
    "binance": (binance_messages,),
    "coinbase": (coinbase_messages,),
    "kraken": (kraken_messages, kraken_questions),
}
#: Numbers that are not whole as they are written.
_loads = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode())).decode
_plain = msgspec.json.Decoder(float_hook=str).decode


class Quoted(NamedTuple):
    venue: str
    kind: Any
    field: str
    inner: Any
    text: bytes

    def decode(self, text: bytes) -> list[tuple[Any, tuple[str, ...]]]:
        """What the adapter reads, each with the place in the message where it stands."""
        outer = msgspec.json.decode(text, type=self.kind)
        if not self.field:
            return [(outer, ())]
        return [(outer, ()), (msgspec.json.decode(getattr(outer, self.field), type=self.inner), (self.field,))]


def kind_of(venue: str, name: str) -> Any:
    shape, _, inner = name.rpartition(":")
    (found,) = [getattr(module, inner) for module in MODULES[venue] if hasattr(module, inner)]
    return {"": found, "tuple": tuple[found, ...], "dict": dict[str, found]}[shape]  # type: ignore[valid-type]


def quoted() -> Iterator[Quoted]:
    for venue in MODULES:
        for line in (Path(__file__).parent / "quoted_frames" / f"{venue}.txt").read_text().splitlines():
            words, brace, rest = line.partition("{")
            outer, _, second = words.strip().partition(" ")
            field, _, inner = second.partition("=")
            text = (brace + rest).encode()
            yield Quoted(venue, kind_of(venue, outer), field, kind_of(venue, inner) if inner else None, text)


FRAMES = list(quoted())
each_frame = pytest.mark.parametrize("frame", FRAMES, ids=[f"{each.venue}-{n}" for n, each in enumerate(FRAMES)])


def leaves(read: Any, said: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """(place, what was read, what the message says there) of everything that is read and said."""
    if isinstance(read, msgspec.Struct):
        for name in read.__struct_fields__:
            if name in said:
                yield from leaves(getattr(read, name), said[name], (*place, name))
    elif isinstance(read, dict):
        assert read.keys() == said.keys()
        for name in read:
            yield from leaves(read[name], said[name], (*place, name))
    elif isinstance(read, tuple):
        assert len(read) == len(said)
        for number, each in enumerate(read):
            yield from leaves(each, said[number], (*place, number))
    else:
        yield place, read, said


def at(message: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        message = message[step]
    return message


@each_frame
def test_everything_that_is_read_is_what_the_message_says(frame: Quoted) -> None:
    for read, place in frame.decode(frame.text):
        for _, value, said in leaves(read, at(_plain(frame.text), place)):
            if isinstance(value, msgspec.Raw):
                assert _plain(value) == said
            else:
                assert (value.value if isinstance(value, Enum) else value) == said


def add_fields(message: Any, read: Any) -> None:
    """A field that nobody knows in every object; what is read of it shows which objects hold things by name."""
    if isinstance(read, msgspec.Raw):
        return  # decoded in a second step, and has its turn then
    if isinstance(message, list):
        for number, each in enumerate(message):
            add_fields(each, read[number] if isinstance(read, tuple) else None)
    elif isinstance(message, dict):
        for name, each in message.items():
            inner = read.get(name) if isinstance(read, dict) else getattr(read, name, None)
            add_fields(each, inner)
        if not isinstance(read, dict):
            message["newField"] = {"of": [1, None]}


@each_frame
def test_fields_that_nobody_knows_are_nothing(frame: Quoted) -> None:
    message, before = _loads(frame.text), frame.decode(frame.text)
    for read, place in before:
        add_fields(at(message, place), read)
    after = frame.decode(msgspec.json.encode(message))
    plain = [(list(values(read)), place) for read, place in before]
    assert [(list(values(read)), place) for read, place in after] == plain


def values(read: Any) -> Iterator[Any]:
    """All that was read, but for JSON that is decoded in a second step."""
    if isinstance(read, msgspec.Struct):
        for name in read.__struct_fields__:
            yield from values(getattr(read, name))
    elif isinstance(read, dict | tuple):
        for each in read.values() if isinstance(read, dict) else read:
            yield from values(each)
    elif not isinstance(read, msgspec.Raw) or not read or bytes(read)[:1] not in (b"{", b"["):
        yield bytes(read) if isinstance(read, msgspec.Raw) else read


@each_frame
def test_a_word_that_nobody_knows_is_loud_unless_it_only_describes(frame: Quoted) -> None:
    for read, place in frame.decode(frame.text):
        for inner, value, _ in leaves(read, at(_plain(frame.text), place)):
            if not isinstance(value, Enum):
                continue
            message = copy.deepcopy(_loads(frame.text))
            at(message, (*place, *inner[:-1]))[inner[-1]] = "NEVER_HEARD_OF"
            text = msgspec.json.encode(message)
            if "UNKNOWN" in type(value).__members__:
                changed = [each for again, _ in frame.decode(text) for each in values(again) if isinstance(each, Enum)]
                assert type(value)["UNKNOWN"] in changed
            else:
                with pytest.raises(msgspec.ValidationError, match="NEVER_HEARD_OF"):
                    frame.decode(text)


def test_each_venue_is_quoted_with_what_says_how_an_order_stands() -> None:
    found = {
        (frame.venue, type(value).__name__)
        for frame in FRAMES
        for read, place in frame.decode(frame.text)
        for _, value, _ in leaves(read, at(_plain(frame.text), place))
        if isinstance(value, Enum)
    }
    assert {
        ("binance", "ExecutionType"), ("binance", "OrderState"), ("binance", "OrderSide"), ("binance", "OrderKind"),
        ("kraken", "ExecType"), ("kraken", "OrderState"), ("kraken", "OrderSide"), ("kraken", "Liquidity"),
        ("kraken", "RestState"), ("kraken", "MarketSide"),
        ("coinbase", "OrderState"), ("coinbase", "OrderSide"), ("coinbase", "TradeType"),
        ("coinbase", "BookSide"), ("coinbase", "MarketSide"),
    } <= found  # fmt: skip


def said(venue: str, inner: str, holding: str) -> Any:
    """What is read of the first quoted message that holds a text."""
    kind = kind_of(venue, inner)
    frame = next(each for each in FRAMES if kind in (each.kind, each.inner) and holding.encode() in each.text)
    return frame.decode(frame.text)[-1][0]


def test_kraken_s_order_is_one_execution() -> None:
    pair = said("kraken", "dict:AssetPair", "XXBTZUSD")["XXBTZUSD"]
    grid = kraken.PairGrid(kraken.instrument(pair, 1, "kraken", 60), "XXBTZUSD", pair)
    (report,) = said("kraken", "tuple:ExecutionReport", "TGBB7L")
    fill = kraken.report_fill(report, "a-1", report.order_id, grid)
    assert (fill.last_lots, fill.last_ticks, fill.trade_id) == (500_000, 265_999, "TGBB7L-HT5LX-J3BZ4A")
    assert (fill.fee_nanos, fill.fee_asset, fill.is_maker) == (345_800_000, "USD", False)


def test_coinbase_s_fill_and_levels_are_exact() -> None:
    grid = InstrumentGrid(coinbase.instrument(said("coinbase", "Product", "BTC-USD"), 1, "coinbase"))
    (found,) = said("coinbase", "FillsPage", "fills").fills
    fill = coinbase.filled(found, "a-1", found.order_id, grid)
    assert (fill.last_lots, fill.last_ticks, fill.fee_nanos) == (100_000, 1_000_000, 1_250_000_000)
    (event,) = said("coinbase", "tuple:BookEvent", "62319.46")
    bids = coinbase.levels(event.updates, coinbase_messages.BookSide.BID, grid)
    asks = coinbase.levels(event.updates, coinbase_messages.BookSide.OFFER, grid)
    assert [each.tolist() for each in bids] == [[6_231_946, 6_231_881], [169_000, 0]]
    assert [each.tolist() for each in asks] == [[6_233_665], [3_021_537]]


def test_binance_s_order_and_trade_are_exact() -> None:
    listed = said("binance", "ExchangeInfo", "BNBBTC").symbols[0]
    grid = InstrumentGrid(binance.instrument(listed, 1, "binance"))
    trade = binance.my_trade(said("binance", "MyTrade", "28457"), grid, 1_000_000)
    assert (trade.last_lots, trade.last_ticks, trade.fee_asset) == (12_000, 4_000_001, "BNB")
    assert (trade.fee_nanos, trade.venue_time_ns) == (10_100_000_000, 1_499_865_549_590_000_000)
