"""Routes: one instrument at several venues, under one name. ``docs/routing.md`` says what each key does."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["ROUTE", "RouteSettings"]

#: Stands where a venue's name would, in the name of a routed instrument: ``route:BTCUSD``.
ROUTE = "route"

_NAME = r"[^\s\x00-\x1f\x7f:/a-z]{1,32}"
_SYMBOL = rf"{_NAME}(?:/{_NAME})?\Z"


class RouteSettings(msgspec.Struct, frozen=True):
    """``policy``: "split" takes each lot where it is cheapest after fees; "best" everything at the one venue where most
    of it can be had for the least; "fixed" sends everything to the first of ``instruments``.

    ``failover``: what a venue refuses, cannot take now, or gives back because it was halted, may go to the others.
    ``same_value``: assets of which one counts as much as the other, such as USD and USDT; without it all instruments
    must be of the same assets. A venue that has said nothing for ``stale_ms`` gets no order. ``book_levels``: how deep
    the books are that orders are planned on.
    """

    symbol: Annotated[str, Meta(pattern="^" + _SYMBOL, description='a name in upper case, as in "BTCUSD"')]
    policy: Literal["split", "best", "fixed"]
    failover: bool
    instruments: Annotated[
        tuple[
            Annotated[
                str,
                Meta(
                    pattern="^[a-z0-9][a-z0-9-]{0,15}:" + _SYMBOL,
                    description='venue and symbol, as in "binance:BTCUSDT"',
                ),
            ],
            ...,
        ],
        Meta(min_length=1),
    ]
    same_value: tuple[
        Annotated[str, Meta(pattern=rf"^{_NAME}\Z", description='an asset in upper case, as in "USDT"')], ...
    ] = ()
    stale_ms: Annotated[int, Meta(ge=100, le=600_000)] = 5_000
    book_levels: Annotated[int, Meta(ge=1, le=1_000)] = 20

    @property
    def name(self) -> str:
        """As strategies name it."""
        return f"{ROUTE}:{self.symbol}"

    @property
    def stale_ns(self) -> int:
        return self.stale_ms * 1_000_000
