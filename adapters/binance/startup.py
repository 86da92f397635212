"""What is asked over REST: the venue's clock, what the key may do, instruments, the account, and cancel-all without an
order link."""

import msgspec

from adapters.binance import parse
from adapters.binance.core import SessionCore
from adapters.binance.market_streams import MarketStreams
from adapters.binance.messages import Account, ExchangeInfo, KeyRestrictions, ServerTime
from adapters.binance.order_link import OrderLink
from adapters.binance.order_types import order_support
from adapters.binance.rest import RestLink, RestQuestion
from adapters.binance.urls import REST_PATHS
from adapters.grid import InstrumentGrid
from adapters.purpose import Purpose
from engine.errors import UsageError, VenueError
from engine.venue import AuthenticationFailed, CancelAllAnswered, ClockOffset, InstrumentDefined, SessionState

__all__ = ["CLOCK_TIMER", "KEY_TIMER", "Startup"]

CLOCK_TIMER = "session:clock"
#: Asks again what a key may do that may do too much.
KEY_TIMER = "session:key"
#: A test environment does not have the venue's wallet, which is what knows about keys.
_NO_SUCH_PATH = 404
#: What the venue answers when there is nothing to cancel.
_NONE_OPEN = -2011

_decode_time = msgspec.json.Decoder(ServerTime).decode
_decode_key = msgspec.json.Decoder(KeyRestrictions).decode
_decode_exchange_info = msgspec.json.Decoder(ExchangeInfo).decode
_decode_account = msgspec.json.Decoder(Account).decode


class Startup:
    """Time, then the key, then instruments, then the other links are opened; the account whenever the order link asks
    for it."""

    def __init__(
        self, core: SessionCore, rest: RestLink, orders: OrderLink, streams: MarketStreams, venue_name: str
    ) -> None:
        self._core, self._rest, self._orders, self._streams = core, rest, orders, streams
        self._venue_name = venue_name
        self._account_round = 0
        self._has_begun = False

    # -- the clock -------------------------------------------------------------------------------------------

    def ask_time(self, now_ns: int) -> None:
        self._rest.ask(RestQuestion("time", REST_PATHS.time, (), 1, self._on_time, self._on_failure), now_ns)

    def _on_time(self, body: bytes, asked_ns: int, now_ns: int) -> None:
        core = self._core
        server_ns = parse.venue_ns(_decode_time(body).serverTime, core.options.unit_ns)
        if core.clock.read(server_ns, asked_ns, now_ns):
            core.emit(ClockOffset(core.clock.offset_ns, now_ns - asked_ns), now_ns)
        core.ctx.set_timer(CLOCK_TIMER, now_ns + core.options.clock_refresh_ns)
        if not self._has_begun:
            self._has_begun = True
            self.ask_key(now_ns)

    # -- the key ---------------------------------------------------------------------------------------------

    def ask_key(self, now_ns: int) -> None:
        question = RestQuestion("key", REST_PATHS.key, (), 1, self._on_key, self._no_key, is_signed=True)
        self._rest.ask(question, now_ns)

    def _on_key(self, body: bytes, asked_ns: int, now_ns: int) -> None:
        core = self._core
        if _decode_key(body).enableWithdrawals and not core.options.key_may_withdraw:
            text = "the API key may withdraw funds; use one that may not, or allow it by key_may_withdraw"
            core.emit(AuthenticationFailed(text), now_ns)
            core.emit(SessionState(False, text), now_ns)
            core.ctx.set_timer(KEY_TIMER, now_ns + core.options.auth_retry_ns)
            return
        self._ask_exchange_info(now_ns)

    def _no_key(self, text: str, code: int, now_ns: int) -> None:
        if code == _NO_SUCH_PATH:
            self._core.ctx.log("the venue does not tell here what the key may do")
            self._rest.forget("key")
            self._ask_exchange_info(now_ns)
        else:
            self._on_failure(text, code, now_ns)

    # -- instruments -----------------------------------------------------------------------------------------

    def _ask_exchange_info(self, now_ns: int) -> None:
        names = msgspec.json.encode(list(self._core.symbols.values())).decode()
        question = RestQuestion(
            "exchangeInfo",
            REST_PATHS.exchange_info,
            (("symbols", names),),
            20,
            self._on_exchange_info,
            self._on_failure,
        )
        self._rest.ask(question, now_ns)

    def _on_exchange_info(self, body: bytes, asked_ns: int, now_ns: int) -> None:
        core = self._core
        info = _decode_exchange_info(body)
        grids = self._grids(info)  # all of them, or VenueError and none
        core.limits.configure(info.rateLimits)
        for grid in grids:
            core.grids[grid.instrument_id] = core.grids_by_symbol[grid.instrument.symbol] = grid
            self._streams.define(grid)
        self._orders.link.open(now_ns)
        if core.options.market_data:
            self._streams.link.open(now_ns)
        for grid in grids:
            core.emit(InstrumentDefined(grid.instrument), now_ns)

    def _grids(self, info: ExchangeInfo) -> list[InstrumentGrid]:
        listed = {each.symbol: each for each in info.symbols}
        grids = []
        for instrument_id, symbol in self._core.symbols.items():
            symbol_info = listed.get(symbol)
            if symbol_info is None:
                raise VenueError(f"exchangeInfo lacks {symbol}")
            if symbol_info.status != "TRADING":
                self._core.ctx.log("instrument does not trade now", symbol=symbol, status=symbol_info.status)
            self._core.supports[instrument_id] = order_support(symbol_info, self._venue_name)
            grids.append(InstrumentGrid(parse.instrument(symbol_info, instrument_id, self._venue_name)))
        return grids

    # -- the account -----------------------------------------------------------------------------------------

    def ask_account(self, now_ns: int) -> None:
        """Only the answer to the latest question counts: it was asked after the latest subscription."""
        self._account_round += 1
        asked_in = self._account_round

        def on_answer(body: bytes, asked_ns: int, answered_ns: int) -> None:
            if asked_in == self._account_round:
                self._on_account(_decode_account(body), answered_ns)

        question = RestQuestion("account", REST_PATHS.account, (), 20, on_answer, self._on_failure, is_signed=True)
        self._rest.ask(question, now_ns)

    def ask_balances(self, now_ns: int) -> None:
        """The same once more, in the middle of everything: what it tells counts where the stream has told nothing
        newer. It is not asked again when it fails; the next one is due soon enough."""

        def on_answer(body: bytes, asked_ns: int, answered_ns: int) -> None:
            self._orders.user_data.on_balances(_decode_account(body), answered_ns)

        def on_failure(text: str, code: int, failed_ns: int) -> None:
            self._core.count("balances not told")

        question = RestQuestion(
            "balances", REST_PATHS.account, (), 20, on_answer, on_failure, is_signed=True, is_persistent=False
        )
        self._rest.ask(question, now_ns)

    def _on_account(self, account: Account, now_ns: int) -> None:
        if not account.canTrade:
            self._core.ctx.log("the account may not trade at the venue")
        self._orders.user_data.on_account(account, now_ns)
        self._orders.link.proven()
        self._orders.logon.loaded(now_ns)

    def _on_failure(self, text: str, code: int, now_ns: int) -> None:
        """What has to be known before anything can trade is not known yet; it is asked again."""
        if not self._orders.logon.is_live:
            self._core.emit(SessionState(False, text), now_ns)

    # -- cancels without an order link -----------------------------------------------------------------------

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """Raises UsageError for an instrument that is not the session's."""
        core = self._core
        symbol = core.symbols.get(instrument_id)
        if symbol is None:
            raise UsageError(f"instrument {instrument_id} is not one of this session's")

        def on_answer(body: bytes, asked_ns: int, answered_ns: int) -> None:
            core.emit(CancelAllAnswered(instrument_id, ""), answered_ns)

        def on_failure(text: str, code: int, failed_ns: int) -> None:
            failure = "" if code == _NONE_OPEN else text
            core.defer(CancelAllAnswered(instrument_id, failure), failed_ns, core.options.retry_first_ns)

        question = RestQuestion(
            f"cancel:{instrument_id}",
            REST_PATHS.open_orders,
            (("symbol", symbol),),
            1,
            on_answer,
            on_failure,
            method="DELETE",
            is_signed=True,
            is_persistent=False,
            purpose=Purpose.CANCEL_ALL,
        )
        self._rest.ask(question, now_ns)
