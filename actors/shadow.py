"""The shadow of a strategy: what it would have done since it was killed, for whoever releases the kill.

    latch: killed ─▶ ShadowLogon ─▶ venue actor ─▶ instruments, position, market data
                                                       │
    a second instance of the user's class ◀─ shadow venue ◀─┘          ShadowQuery ─▶ ShadowAccount, for who releases
    latch: released ─▶ its orders are ended, the instance is dropped, the account is journalled

It is an actor of its own, in a process of its own, and only where the configuration asks for it ([[clutch]]). So the
strategy that trades has nothing to do with it: its code, its orders, its position and its reports are as ever, before,
during and after. The second instance is hosted by the same ``StrategyActor``, and is in the situation of a strategy
whose process was restarted at the moment of the kill: it knows position and open orders, and has to learn the rest.

It looks at the latch for itself, so no message has to arrive for it to begin or to end.
"""

from collections.abc import Callable

import msgspec

from actors.shadow_context import REQUESTS_TIMER, STRATEGY_TIMER, ShadowContext
from actors.shadow_venue import SHADOW_MARK, ShadowSettings, ShadowVenue
from actors.strategy import LOCAL_REPORTS, StrategyActor, VenueRoute
from engine.actor import Actor, Context
from engine.errors import InvariantError, UsageError
from engine.journal import JournalFull
from engine.messages import (
    Depth,
    InstrumentDefinition,
    Message,
    PositionSnapshot,
    Quote,
    ShadowAccount,
    ShadowLogoff,
    ShadowLogon,
    ShadowQuery,
    StatusReport,
    StatusRequest,
    Trade,
)
from engine.strategy import Strategy
from risk.latch import LatchedKill, LatchView

__all__ = ["ShadowActor", "ShadowSettings"]

_MS = 1_000_000
_LOOK, _LOOK_NS = "look", 200 * _MS
_ASK_AGAIN_NS = 1_000 * _MS
#: What stands deeper in the book than this, no order of a shadow takes.
_LEVELS = 20


class ShadowBegun(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """Journalled. Without the account that belongs to it, its process ended before the shadow did."""

    wall_time_ns: int
    kills: tuple[str, ...]


_Record = ShadowBegun | ShadowAccount
_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[_Record] = msgspec.msgpack.Decoder(_Record)


class ShadowActor(Actor):
    """``make_strategy`` makes a new instance of the user's class; it may raise UsageError."""

    def __init__(self, settings: ShadowSettings, make_strategy: Callable[[], Strategy]) -> None:
        self.settings = settings
        self.peers = (settings.venue_actor,)
        #: While it runs: the venue that takes its orders, and its strategy.
        self.venue: ShadowVenue | None = None
        self.hosted: StrategyActor | None = None
        self._make_strategy = make_strategy
        self._state = "idle"
        self._kills: tuple[str, ...] = ()
        self._begun_wall_ns = 0
        #: How often it has begun and not ended.
        self._lives = 0
        self._failure = ""
        self._last: ShadowAccount | None = None
        self._definitions: dict[int, InstrumentDefinition] = {}
        self._quotes: dict[int, Quote] = {}
        self._real: PositionSnapshot | None = None
        self._is_listening = False
        self._asked_ns = -_ASK_AGAIN_NS

    # -- life -----------------------------------------------------------------------------------------------

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        latch = ctx.latch
        if not isinstance(latch, LatchView):
            raise InvariantError(f"{ctx.name} was started without a latch: it would never know of a kill")
        self._latch = latch
        for _, _, payload in ctx.journal.records():
            record = _decoder.decode(payload)
            if isinstance(record, ShadowBegun):
                self._lives += 1
                self._begun_wall_ns = record.wall_time_ns
                self._kills = record.kills
            else:
                self._lives, self._last = 0, record
        ctx.set_timer(_LOOK, now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == _LOOK:
            self._look(now_ns)
            self._ctx.set_timer(_LOOK, now_ns + _LOOK_NS)
        elif key == REQUESTS_TIMER:
            self._serve_requests(now_ns)
        elif key.startswith(STRATEGY_TIMER) and self.hosted is not None:
            self.hosted.on_timer(key[len(STRATEGY_TIMER) :], now_ns)

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        self._asked_ns = now_ns - _ASK_AGAIN_NS
        self._look(now_ns)

    def on_peer_down(self, peer: str, now_ns: int) -> None:
        self._is_listening = False
        if self.venue is not None:
            self.venue.on_market_lost()

    # -- begin and end --------------------------------------------------------------------------------------

    def _look(self, now_ns: int) -> None:
        kills = self._covering_kills()
        if not self._is_killed():
            self._end(now_ns)
            return
        self._kills = kills
        if self._state == "idle":
            self._state = "waiting"
            self._ctx.log("clutch", strategy=self.settings.strategy_id, kills=kills)
        is_settled = self._is_listening and self._state != "waiting"
        if not is_settled and now_ns - self._asked_ns >= _ASK_AGAIN_NS:
            self._asked_ns = now_ns
            levels = _LEVELS
            if self.hosted is not None:
                levels = max(levels, self.hosted.strategy.book_levels)
            self._ctx.send(self.settings.venue_actor, ShadowLogon(self.settings.strategy_id, levels))

    def _is_killed(self) -> bool:
        """Whether any of its strategy's orders would be covered by a kill, of whatever mode."""
        index_of = self._latch.index_of
        strategy = index_of("strategy", self.settings.strategy_id)
        return any(
            self._latch.rank(strategy, index_of("instrument", f"{self.settings.venue}:{symbol}"))
            for _, symbol, _ in self.settings.instruments
        )

    def _covering_kills(self) -> tuple[str, ...]:
        return tuple(_name(kill) for kill in self._latch.kills() if self._is_covered_by(kill))

    def _is_covered_by(self, kill: LatchedKill) -> bool:
        mine = {f"{self.settings.venue}:{symbol}" for _, symbol, _ in self.settings.instruments}
        scope = kill.scope
        return scope.strategy in ("", self.settings.strategy_id) and (not scope.instrument or scope.instrument in mine)

    def _begin_if_known(self, now_ns: int) -> None:
        """Begin as soon as instruments, position and both sides of each market are known."""
        needed = [instrument_id for instrument_id, _, _ in self.settings.instruments]
        if self._state != "waiting" or self._real is None:
            return
        if any(instrument_id not in self._definitions or instrument_id not in self._quotes for instrument_id in needed):
            return
        try:
            strategy = self._make_strategy()
        except UsageError as error:
            self._state, self._failure = "failed", str(error)
            return
        settings, ctx = self.settings, self._ctx
        self._state, self._begun_wall_ns, self._lives = "running", ctx.wall_ns(now_ns), self._lives + 1
        self._record(ShadowBegun(self._begun_wall_ns, self._kills), now_ns)
        self._context = ShadowContext(ctx)
        routes = tuple(VenueRoute(settings.venue_actor, instrument_id) for instrument_id in needed)
        hosted = StrategyActor(settings.strategy_id, settings.account_id, strategy, routes, SHADOW_MARK)
        self.hosted = hosted
        self.venue = ShadowVenue(settings, self._definitions, self._quotes, self._real, self._tell, ctx.wall_ns, now_ns)
        self._failure = ""
        hosted.on_start(self._context, now_ns)
        hosted.on_peer_up(settings.venue_actor, now_ns)

    def _end(self, now_ns: int) -> None:
        """The kill is released. Whoever holds an order of the shadow is told its end; then the instance is dropped."""
        if self._state == "idle" and not self._lives:
            return
        self._ctx.send(self.settings.venue_actor, ShadowLogoff(self.settings.strategy_id))
        if self.venue is not None and self.hosted is not None:
            self.venue.end(self._context.end(), now_ns)
            self.hosted.on_timer(LOCAL_REPORTS, now_ns)
            self.hosted.on_stop(now_ns)
        if self._lives:
            account = self._account("over" if self.venue is not None else "lost", now_ns)
            self._last = account
            self._record(account, now_ns)
            self._ctx.log("shadow over", account=msgspec.to_builtins(account))
        self._state, self._lives, self._failure, self._kills = "idle", 0, "", ()
        self.venue, self.hosted, self._real = None, None, None
        self._quotes.clear()
        self._is_listening = False
        self._asked_ns = now_ns - _ASK_AGAIN_NS

    def _record(self, record: _Record, now_ns: int) -> None:
        try:
            self._ctx.journal.append(_encode(record), now_ns)
        except JournalFull as error:
            self._ctx.log("shadow not recorded", error=str(error))

    # -- messages -------------------------------------------------------------------------------------------

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, ShadowQuery):
            self._ctx.send(sender, self.account(now_ns))
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, msgspec.structs.replace(self._status(now_ns), nonce=message.nonce))
        elif sender != self.settings.venue_actor or self._state == "idle":
            return
        elif isinstance(message, Quote | Depth | Trade):
            self._on_market_data(message, now_ns)
        elif isinstance(message, InstrumentDefinition):
            self._definitions[message.instrument.instrument_id] = message
        elif isinstance(message, PositionSnapshot):
            self._is_listening = True
            self._real = message
            self._begin_if_known(now_ns)

    def _on_market_data(self, message: Quote | Depth | Trade, now_ns: int) -> None:
        """The shadow's orders first, as at a venue; then its strategy, with as much of the book as it asked for."""
        if isinstance(message, Quote):
            if message.bid_lots and message.ask_lots:
                self._quotes[message.instrument_id] = message
            self._begin_if_known(now_ns)
        if self.venue is None or self.hosted is None:
            return
        if isinstance(message, Quote):
            self.venue.on_quote(message, now_ns)
        elif isinstance(message, Trade):
            self.venue.on_trade(message, now_ns)
        else:
            self.venue.on_depth(message, now_ns)
            levels = self.hosted.strategy.book_levels
            if not levels:
                return
            message = msgspec.structs.replace(message, bids=message.bids[:levels], asks=message.asks[:levels])
        self.hosted.on_message(self.settings.venue_actor, message, now_ns)

    def _serve_requests(self, now_ns: int) -> None:
        if self.venue is not None:
            for message in self._context.fetch(now_ns):
                self.venue.on_request(message, now_ns)

    def _tell(self, message: Message) -> None:
        if self.hosted is not None:
            self.hosted.on_message(self.settings.venue_actor, message, self._ctx.clock_ns())

    # -- for people -----------------------------------------------------------------------------------------

    def account(self, now_ns: int) -> ShadowAccount:
        """What it has come to: of the shadow that runs, or of the last one."""
        if self._state == "idle" and self._last is not None:
            return self._last
        return self._account(self._state, now_ns)

    def _account(self, state: str, now_ns: int) -> ShadowAccount:
        venue = self.venue
        told = ShadowAccount(
            self.settings.strategy_id,
            state,
            self._kills,
            self._begun_wall_ns if self._lives else 0,
            self._ctx.wall_ns(now_ns),
            self._lives,
            failure=self._failure,
        )
        if venue is None:
            return told
        return msgspec.structs.replace(
            told,
            orders=venue.orders,
            open_orders=venue.open_orders,
            fills=venue.fills,
            refused=dict(venue.refused),
            lines=venue.lines(),
            failure=self._failure or venue.failure,
        )

    def _status(self, now_ns: int) -> StatusReport:
        account = self._account(self._state, now_ns)
        counters = {"orders": account.orders, "open_orders": account.open_orders, "fills": account.fills}
        details = {"failed in the shadow": account.failure} if account.failure else {}
        return StatusReport(self._ctx.name, "shadow", 0, 0, account.state, counters, details, account.refused)


def _name(kill: LatchedKill) -> str:
    return kill.cause.kill_id if kill.cause is not None else "a kill whose cause cannot be read"
