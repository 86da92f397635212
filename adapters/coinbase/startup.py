"""What is asked over REST before anything can trade: the venue's clock, what the key may do, the products, the fees of
the account's tier, and the balances."""

from collections.abc import Callable

import msgspec

from adapters.coinbase import parse
from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict
from adapters.coinbase.market_streams import MarketStreams
from adapters.coinbase.messages import (
    AccountInfo,
    AccountsPage,
    KeyPermissions,
    Product,
    Products,
    ServerTime,
    TransactionSummary,
)
from adapters.coinbase.rest import OnAnswer, RestLink, RestQuestion
from adapters.coinbase.urls import PATHS
from adapters.grid import InstrumentGrid
from engine.errors import VenueError
from engine.venue import AuthenticationFailed, ClockOffset, InstrumentDefined, SessionState

__all__ = ["CLOCK_TIMER", "KEY_TIMER", "Startup"]

CLOCK_TIMER = "session:clock"
KEY_TIMER = "session:key"
_ACCOUNTS_PER_PAGE = 250
_MS = 1_000_000

_decode_time = msgspec.json.Decoder(ServerTime).decode
_decode_permissions = msgspec.json.Decoder(KeyPermissions).decode
_decode_products = msgspec.json.Decoder(Products).decode
_decode_summary = msgspec.json.Decoder(TransactionSummary).decode
_decode_accounts = msgspec.json.Decoder(AccountsPage).decode


class Startup:
    """Time, then the key, then products and fees, then the other links are opened (``open_links``); the balances
    whenever the user channel has been subscribed to. ``on_change`` is called when one of the states below has."""

    def __init__(self, core: SessionCore, rest: RestLink, streams: MarketStreams, venue_name: str) -> None:
        self._core, self._rest, self._streams = core, rest, streams
        self._venue_name = venue_name
        self.key_is_good = False
        self.is_loaded = False
        #: What is wrong, for people.
        self.text = "starting"
        self._has_begun = False
        self._round = 0
        self.open_links: Callable[[int], None] = _nothing
        self.on_change: Callable[[int], None] = _nothing

    def _ask(
        self, key: str, path: str, on_answer: OnAnswer, now_ns: int, *params: tuple[str, str], is_public: bool = False
    ) -> None:
        question = RestQuestion(key, path, params, on_answer, self._on_failure, is_public=is_public, is_persistent=True)
        self._rest.ask(question, now_ns)

    def _on_failure(self, text: str, verdict: Verdict | None, now_ns: int) -> None:
        """What has to be known before anything can trade is not known yet; it is asked again."""
        if not self.is_loaded:
            self.text = text
            self._core.emit(SessionState(False, text), now_ns)

    # -- the clock -------------------------------------------------------------------------------------------

    def ask_time(self, now_ns: int) -> None:
        self._ask("time", PATHS.time, self._on_time, now_ns, is_public=True)

    def _on_time(self, body: bytes, asked_ns: int, now_ns: int) -> None:
        core, text = self._core, _decode_time(body).epochMillis
        if not (text.isascii() and text.isdigit() and len(text) < 14):
            raise VenueError(f"time {text[:40]!r} is no number of milliseconds")
        if core.clock.read(int(text) * _MS, asked_ns, now_ns):
            core.emit(ClockOffset(core.clock.offset_ns, now_ns - asked_ns), now_ns)
        core.ctx.set_timer(CLOCK_TIMER, now_ns + core.options.clock_refresh_ns)
        if not self._has_begun:
            self._has_begun = True
            self.ask_key(now_ns)

    # -- the key ---------------------------------------------------------------------------------------------

    def ask_key(self, now_ns: int) -> None:
        self._ask("key", PATHS.key_permissions, self._on_key, now_ns)

    def _on_key(self, body: bytes, asked_ns: int, now_ns: int) -> None:
        """A key that is not good is asked about again later: its permissions can be changed."""
        core = self._core
        refusal = _key_refusal(_decode_permissions(body), core.options.key_may_withdraw)
        if refusal:
            self.text = refusal
            core.emit(AuthenticationFailed(refusal), now_ns)
            core.emit(SessionState(False, refusal), now_ns)
            core.ctx.set_timer(KEY_TIMER, now_ns + core.options.auth_retry_ns)
            return
        self.key_is_good = True
        self._ask_products(now_ns)

    # -- instruments -----------------------------------------------------------------------------------------

    def _ask_products(self, now_ns: int) -> None:
        params = tuple(("product_ids", symbol) for symbol in self._core.symbols.values())
        self._ask("products", PATHS.products, self._on_products, now_ns, *params)

    def _on_products(self, body: bytes, asked_ns: int, now_ns: int) -> None:
        core = self._core
        listed = {each.product_id: each for each in _decode_products(body).products}
        grids = []
        for instrument_id, symbol in core.symbols.items():
            product = listed.get(symbol)
            if product is None:
                raise VenueError(f"products lack {symbol}")
            grids.append(
                (InstrumentGrid(parse.instrument(product, instrument_id, self._venue_name)), product)
            )  # all of them, or VenueError and none
        for grid, product in grids:
            core.grids[grid.instrument_id] = core.grids_by_symbol[grid.instrument.symbol] = grid
            self._streams.define(grid, product.alias or product.product_id)
            closed = _gates(product)
            if closed:
                core.ctx.log("product does not trade as usual now", product=product.product_id, states=closed)
        self.open_links(now_ns)
        for grid, _ in grids:
            core.emit(InstrumentDefined(grid.instrument), now_ns)
        self.ask_fees(now_ns)

    # -- fees ------------------------------------------------------------------------------------------------

    def ask_fees(self, now_ns: int) -> None:
        """The tier changes with what was traded in a month: asked with each balance snapshot."""
        self._ask("fees", PATHS.transaction_summary, self._on_fees, now_ns)

    def _on_fees(self, body: bytes, asked_ns: int, now_ns: int) -> None:
        tier = _decode_summary(body).fee_tier
        for instrument_id in self._core.grids:
            rates = parse.fee_rates(instrument_id, tier.maker_fee_rate or "0", tier.taker_fee_rate or "0")
            self._core.emit(rates, now_ns)

    # -- balances --------------------------------------------------------------------------------------------

    def ask_account(self, now_ns: int) -> None:
        """The user channel has been subscribed to (again): the session is loaded with the answer."""
        self.is_loaded = False
        self._round += 1
        self._ask_page("accounts", "", [], self._round, True, now_ns)

    def ask_balances(self, now_ns: int) -> None:
        """The same once more, in the middle of everything. There is no channel for balances. It is not asked again when
        it fails; the next one is due soon enough."""
        self._ask_page("balances", "", [], self._round, False, now_ns)

    def lost(self) -> None:
        self.is_loaded = False
        self._round += 1

    def _ask_page(
        self, key: str, cursor: str, found: list[AccountInfo], asked_in: int, is_persistent: bool, now_ns: int
    ) -> None:
        def on_answer(body: bytes, asked_ns: int, answered_ns: int) -> None:
            page = _decode_accounts(body)
            together = [*found, *page.accounts]
            if asked_in != self._round:
                return  # of a connection that is gone
            if page.has_next and page.cursor:
                self._ask_page(key, page.cursor, together, asked_in, is_persistent, answered_ns)
            else:
                self._on_accounts(together, is_persistent, answered_ns)

        def on_failure(text: str, verdict: Verdict | None, failed_ns: int) -> None:
            if is_persistent:
                self._on_failure(text, verdict, failed_ns)
            else:
                self._core.count("balances not told")

        params = (("limit", str(_ACCOUNTS_PER_PAGE)), *((("cursor", cursor),) if cursor else ()))
        question = RestQuestion(key, PATHS.accounts, params, on_answer, on_failure, is_persistent=is_persistent)
        self._rest.ask(question, now_ns)

    def _on_accounts(self, accounts: list[AccountInfo], loads: bool, now_ns: int) -> None:
        """Assets of ours of which there is no wallet have nothing."""
        balances = parse.balances(accounts)
        for grid in self._core.grids.values():
            for asset in (grid.instrument.base_asset, grid.instrument.quote_asset):
                balances.setdefault(asset, parse.no_balance(asset))
        for balance in balances.values():
            self._core.emit(balance, now_ns)
        if loads and not self.is_loaded:
            self.is_loaded = True
            self.on_change(now_ns)


def _key_refusal(key: KeyPermissions, may_withdraw: bool) -> str:
    """Why a key is not used, or ""."""
    if not key.can_view or not key.can_trade:
        return "the key needs the permissions to view and to trade"
    if key.can_transfer and not may_withdraw:
        return (
            "the key may move money out of the account (permission Transfer): make one that may not, or accept it by "
            "name with key_may_withdraw"
        )
    return ""


def _gates(product: Product) -> list[str]:
    """What keeps a product from trading as usual."""
    flags = {
        "trading_disabled": product.trading_disabled or product.is_disabled,
        "cancel_only": product.cancel_only,
        "limit_only": product.limit_only,
        "post_only": product.post_only,
        "auction_mode": product.auction_mode,
        "view_only": product.view_only,
        f"status {product.status}": product.status not in ("online", ""),
    }
    return [name for name, is_set in flags.items() if is_set]


def _nothing(now_ns: int) -> None:
    """Until the session has its other links."""
