"""A small recording of a Binance combined stream, made up from a seed: a book's random walk, its diffs and tickers.

Lines are as a recorder writes them, ``<receive time in ns> <message>``. Tickers run ahead of the diff that brings their
change, as they do at the venue; the first diff brings the whole book.
"""

import random
from collections.abc import Iterable, Iterator

import msgspec

__all__ = ["synthetic_stream"]

_MIDDLE_TICKS = 6_000_000
_TICK_UNITS, _LOT_UNITS = 10**6, 10**3  # of 10**-8: a tick is 0.01, a lot 0.00001


def synthetic_stream(diffs: int, seed: int = 5) -> Iterator[bytes]:
    """``diffs`` depth updates of BTCUSDT, 100 ms apart, with a trade each and the tickers between them."""
    source = random.Random(seed)
    bids, asks = {_MIDDLE_TICKS - 1: 5}, {_MIDDLE_TICKS + 1: 5}
    update_id = 1_000
    for diff in range(diffs):
        now_ns = (diff + 1) * 100_000_000
        first_id = update_id + 1
        changed_bids, changed_asks = (dict(bids), dict(asks)) if diff == 0 else ({}, {})
        for _ in range(source.randrange(1, 8)):
            update_id += 1
            levels, changed, sign = source.choice([(bids, changed_bids, 1), (asks, changed_asks, -1)])
            ticks = _MIDDLE_TICKS - sign * source.randrange(1, 60)
            levels[ticks] = changed[ticks] = source.choice([0, source.randrange(1, 100)])
            if levels[ticks] == 0:
                del levels[ticks]
            if bids and asks:
                yield _line(now_ns - 1_000_000, "btcusdt@bookTicker", _ticker(update_id, bids, asks))
        yield _line(now_ns - 500_000, "btcusdt@trade", _trade(diff, max(bids, default=_MIDDLE_TICKS), now_ns))
        yield _line(
            now_ns,
            "btcusdt@depth@100ms",
            {
                "e": "depthUpdate",
                "E": now_ns // 1_000_000,
                "s": "BTCUSDT",
                "U": first_id,
                "u": update_id,
                "b": _pairs(changed_bids.items()),
                "a": _pairs(changed_asks.items()),
            },
        )


def _line(now_ns: int, stream: str, data: dict[str, object]) -> bytes:
    return b"%d %b\n" % (now_ns, msgspec.json.encode({"stream": stream, "data": data}))


def _ticker(update_id: int, bids: dict[int, int], asks: dict[int, int]) -> dict[str, object]:
    bid, ask = max(bids), min(asks)
    ((bid_text, bid_lots), (ask_text, ask_lots)) = _pairs([(bid, bids[bid]), (ask, asks[ask])])
    return {"u": update_id, "s": "BTCUSDT", "b": bid_text, "B": bid_lots, "a": ask_text, "A": ask_lots}


def _trade(number: int, price_ticks: int, now_ns: int) -> dict[str, object]:
    ((price, quantity),) = _pairs([(price_ticks, 3)])
    event: dict[str, object] = {"e": "trade", "E": now_ns // 1_000_000, "s": "BTCUSDT", "t": number + 1}
    return event | {"p": price, "q": quantity, "T": now_ns // 1_000_000, "m": number % 2 == 0, "M": True}


def _pairs(levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(_text(ticks * _TICK_UNITS), _text(lots * _LOT_UNITS)) for ticks, lots in levels]


def _text(units: int) -> str:
    return f"{units // 10**8}.{units % 10**8:08d}"
