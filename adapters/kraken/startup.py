"""What is asked over REST to begin with: the venue's clock, its instruments, what the key may do and what it pays; and
whenever the order link asks, a token and the balances."""

import msgspec

from adapters.kraken import parse
from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict
from adapters.kraken.market_streams import MarketStreams
from adapters.kraken.messages import ApiKeyInfo, AssetPair, BalanceDetail, Fees, ServerTime, Token
from adapters.kraken.order_link import OrderLink
from adapters.kraken.parse import PairGrid
from adapters.kraken.rest import RestLink, RestQuestion
from adapters.purpose import Purpose
from engine.errors import VenueError
from engine.instrument import NANOS
from engine.venue import AuthenticationFailed, ClockOffset, InstrumentDefined, SessionState

__all__ = ["KEY_TIMER", "Startup"]

#: Asks again what a key may do that may do too much.
KEY_TIMER = "session:key"
_WITHDRAWS = "withdraw-funds"

_decode_time = msgspec.json.Decoder(ServerTime).decode
_decode_pairs = msgspec.json.Decoder(dict[str, AssetPair]).decode
_decode_key = msgspec.json.Decoder(ApiKeyInfo).decode
_decode_token = msgspec.json.Decoder(Token).decode
_decode_balances = msgspec.json.Decoder(dict[str, BalanceDetail]).decode
_decode_fees = msgspec.json.Decoder(Fees).decode


class Startup:
    """Time, then the key, then instruments, then the other links are opened."""

    def __init__(
        self, core: SessionCore, rest: RestLink, orders: OrderLink, streams: MarketStreams, venue_name: str
    ) -> None:
        self._core, self._rest, self._orders, self._streams = core, rest, orders, streams
        self._venue_name = venue_name
        self._balances_round = 0

    # -- the clock and the key -------------------------------------------------------------------------------

    def begin(self, now_ns: int) -> None:
        question = RestQuestion("time", "Time", (), self._on_time, self._on_failure, is_public=True, is_persistent=True)
        self._rest.ask(question, now_ns)

    def _on_time(self, result: msgspec.Raw, asked_ns: int, now_ns: int) -> None:
        """Whole seconds, cut off: half a second later on average, and half a second more in doubt. Pings on the order
        link will know better."""
        core = self._core
        if core.clock.read(_decode_time(result).unixtime * NANOS, asked_ns - NANOS, now_ns):
            core.emit(ClockOffset(core.clock.offset_ns, now_ns - asked_ns), now_ns)
        self.ask_key(now_ns)

    def ask_key(self, now_ns: int) -> None:
        question = RestQuestion("key", "GetApiKeyInfo", (), self._on_key, self._on_failure, is_persistent=True)
        self._rest.ask(question, now_ns)

    def _on_key(self, result: msgspec.Raw, asked_ns: int, now_ns: int) -> None:
        core = self._core
        permissions = _decode_key(result).permissions
        if _WITHDRAWS in permissions and not core.options.key_may_withdraw:
            text = "the API key may withdraw funds; use one that may not, or allow it by key_may_withdraw"
            core.emit(AuthenticationFailed(text), now_ns)
            core.emit(SessionState(False, text), now_ns)
            core.ctx.set_timer(KEY_TIMER, now_ns + core.options.auth_retry_ns)
            return
        core.ctx.log("key", permissions=",".join(permissions))
        self._ask_pairs(now_ns)

    # -- instruments -----------------------------------------------------------------------------------------

    def _ask_pairs(self, now_ns: int) -> None:
        question = RestQuestion(
            "pairs", "AssetPairs", (), self._on_pairs, self._on_failure, is_public=True, is_persistent=True
        )
        self._rest.ask(question, now_ns)

    def _on_pairs(self, result: msgspec.Raw, asked_ns: int, now_ns: int) -> None:
        core = self._core
        pairs = _decode_pairs(result)
        grids = self._grids(pairs)  # all of them, or VenueError and none
        core.assets = parse.asset_names(pairs)
        core.define(grids)
        for grid in grids:
            self._streams.define(grid)
        self._orders.link.open(now_ns)
        if core.options.market_data:
            self._streams.link.open(now_ns)
        for grid in grids:
            core.emit(InstrumentDefined(grid.instrument), now_ns)
        if core.options.watches_account:
            self._ask_fees(grids, now_ns)

    def _grids(self, pairs: dict[str, AssetPair]) -> list[PairGrid]:
        listed = {parse.v2_symbol(pair.wsname): (pair_id, pair) for pair_id, pair in pairs.items() if pair.wsname}
        grids = []
        for instrument_id, symbol in self._core.symbols.items():
            if symbol not in listed:
                raise VenueError(f"AssetPairs lacks {symbol}")
            pair_id, pair = listed[symbol]
            if pair.status != "online":
                self._core.ctx.log("instrument does not trade freely now", symbol=symbol, status=pair.status)
            open_orders_max = self._core.options.limits.open_orders_max
            instrument = parse.instrument(pair, instrument_id, self._venue_name, open_orders_max)
            grids.append(PairGrid(instrument, pair_id, pair))
        return grids

    def _ask_fees(self, grids: list[PairGrid], now_ns: int) -> None:
        params = (("pair", ",".join(grid.altname for grid in grids)),)
        question = RestQuestion("fees", "TradeVolume", params, self._on_fees, self._no_fees, is_persistent=True)
        self._rest.ask(question, now_ns)

    def _on_fees(self, result: msgspec.Raw, asked_ns: int, now_ns: int) -> None:
        fees = _decode_fees(result)
        for pair, taker in fees.fees.items():
            grid = self._core.grids_by_name.get(pair)
            if grid is not None:
                maker = fees.fees_maker.get(pair, taker)
                self._core.emit(parse.fee_rates(grid.instrument_id, taker, maker), now_ns)

    def _no_fees(self, text: str, verdict: Verdict, now_ns: int) -> None:
        self._core.count("fees not told")

    # -- the order link --------------------------------------------------------------------------------------

    def ask_token(self, now_ns: int) -> None:
        question = RestQuestion(
            "token",
            "GetWebSocketsToken",
            (),
            self._on_token,
            self._on_failure,
            is_persistent=True,
            purpose=Purpose.CANCEL_ALL,  # without it nothing can be cancelled
        )
        self._rest.ask(question, now_ns)

    def _on_token(self, result: msgspec.Raw, asked_ns: int, now_ns: int) -> None:
        token = _decode_token(result).token
        if not token or not token.isascii() or any(each in token for each in '"\\') or not token.isprintable():
            raise VenueError("GetWebSocketsToken: no usable token")
        self._core.token = token
        self._orders.logon.got_token(now_ns)

    def ask_account(self, now_ns: int) -> None:
        """Only the answer to the latest question counts: it was asked after the latest subscription."""
        self._balances_round += 1
        asked_in = self._balances_round

        def on_answer(result: msgspec.Raw, asked_ns: int, answered_ns: int) -> None:
            if asked_in == self._balances_round:
                self._orders.balances.on_listed(_decode_balances(result), asked_ns, answered_ns)
                self._orders.link.proven()
                self._orders.logon.loaded(answered_ns)

        question = RestQuestion(
            "account",
            "BalanceEx",
            (),
            on_answer,
            self._on_failure,
            is_persistent=True,
            purpose=Purpose.LISTING,
        )
        self._rest.ask(question, now_ns)

    def ask_balances(self, now_ns: int) -> None:
        """The same once more, in the middle of everything. It is not asked again when it fails."""

        def on_answer(result: msgspec.Raw, asked_ns: int, answered_ns: int) -> None:
            self._orders.balances.on_listed(_decode_balances(result), asked_ns, answered_ns)

        def on_failure(text: str, verdict: Verdict, failed_ns: int) -> None:
            self._core.count("balances not told")

        self._rest.ask(RestQuestion("balances", "BalanceEx", (), on_answer, on_failure), now_ns)

    def _on_failure(self, text: str, verdict: Verdict, now_ns: int) -> None:
        """What has to be known before anything can trade is not known yet; it is asked again."""
        if not self._orders.logon.is_live:
            self._core.emit(SessionState(False, text), now_ns)
