"""How a shadow is told to whoever decides."""

import msgspec

from cli.kill_shadow import shadow_dict, shadow_lines
from engine.codes import Reason
from engine.messages import ShadowAccount, ShadowLine

LINE = ShadowLine(
    "binance:BTCUSDT", 5, 1_000, 1_300, 2_000, -123, 9, "0.01 BTC", "0.013 BTC", "0.02 BTC, 9 USDT", "-1.23 USDT"
)
ACCOUNT = ShadowAccount(
    "quoter",
    "running",
    ("k1",),
    begun_wall_ns=1_000_000_000,
    wall_time_ns=63_000_000_000,
    lives=1,
    orders=1_400,
    open_orders=2,
    fills=5,
    refused={int(Reason.ORDER_RATE): 2},
    lines=(LINE,),
)


def test_one_that_runs() -> None:
    assert list(shadow_lines(ACCOUNT)) == [
        "shadow of quoter: what it would have done in 62 s",
        "    1,400 orders, 5 fills, 2 open",
        "    would have been refused: order rate 2",
        "    binance:BTCUSDT  from 0.01 BTC to 0.013 BTC  PnL before fees -1.23 USDT  most at risk 0.02 BTC, 9 USDT",
    ]


def test_one_that_failed_and_one_that_had_to_begin_again() -> None:
    told = list(shadow_lines(msgspec.structs.replace(ACCOUNT, failure="on_quote: KeyError", lives=2)))
    assert told[0].endswith("begun 2 times under this kill")
    assert told[-1] == "    failed: on_quote: KeyError"


def test_one_that_has_nothing_to_tell_says_why() -> None:
    assert list(shadow_lines(ShadowAccount("quoter", "no answer"))) == ["shadow of quoter: no answer"]
    assert "not known yet" in next(shadow_lines(ShadowAccount("quoter", "waiting", ("k1",))))
    lost = ShadowAccount("quoter", "lost", ("k1",), begun_wall_ns=1, lives=1)
    assert "nothing is known" in next(shadow_lines(lost))
    failed = ShadowAccount("quoter", "failed", ("k1",), failure="parameters do not fit")
    assert list(shadow_lines(failed)) == ["shadow of quoter: not begun: parameters do not fit"]


def test_for_scripts() -> None:
    told = shadow_dict(ACCOUNT)
    assert told["refused"] == {"order_rate": 2}
    assert told["lines"] == [msgspec.structs.asdict(LINE)]
