"""Shadows: what a killed strategy would have done."""

import msgspec

from engine.messages.shape import MessageBase

__all__ = ["ShadowAccount", "ShadowLine", "ShadowLogoff", "ShadowLogon", "ShadowQuery"]


class ShadowLogon(MessageBase, frozen=True, tag=90):
    """A shadow wants to follow the market of its strategy's venue actor. Answered by instruments, the strategy's
    PositionSnapshot, the last quotes and from then on market data; not before the venue is live, so it is asked again.
    It gives no right to send anything."""

    strategy_id: str
    book_levels: int


class ShadowLogoff(MessageBase, frozen=True, tag=91):
    """It has seen enough."""

    strategy_id: str


class ShadowQuery(MessageBase, frozen=True, tag=92):
    """Ask a shadow for its ShadowAccount."""

    nonce: int = 0


class ShadowLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a shadow did in one instrument (``VENUE:SYMBOL``). ``pnl_tick_lots``: since it began, before fees, marked at
    what closing would bring. ``most_lots``: the most it could have held or owed, whichever of its open orders filled;
    ``most_tick_lots``: its largest value. The last four say the same as text, with units."""

    instrument: str
    fills: int
    begun_lots: int
    position_lots: int
    most_lots: int
    pnl_tick_lots: int
    most_tick_lots: int
    begun: str
    position: str
    most: str
    pnl: str


class ShadowAccount(MessageBase, frozen=True, tag=93):
    """What a strategy would have done since it was killed.

    ``state``: ``idle`` (not killed, and nothing to tell), ``waiting`` (killed; the market is not known yet),
    ``running``, ``failed`` (it could not be begun), ``over`` (the kill was released), ``lost`` (its process ended
    before the release). ``orders`` counts what was asked for, ``refused`` by reason what of it the limits and the
    venue's rules would have refused, ``kills`` the kills that cover the strategy. ``lives``: how often it has begun
    under them. ``failure``: how the strategy failed in it. Times are UTC."""

    strategy_id: str
    state: str
    kills: tuple[str, ...] = ()
    begun_wall_ns: int = 0
    wall_time_ns: int = 0
    lives: int = 0
    orders: int = 0
    open_orders: int = 0
    fills: int = 0
    refused: dict[int, int] = {}
    lines: tuple[ShadowLine, ...] = ()
    failure: str = ""
