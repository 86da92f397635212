"""Asking for trades: of orders of which more is filled than we have trades for, again until they are there.

One question covers all such orders. A fill may appear on this list a little after the user channel has counted it.
"""

from collections.abc import Callable

import msgspec

from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict
from adapters.coinbase.messages import FillInfo, FillsPage
from adapters.coinbase.rest import RestLink, RestQuestion
from adapters.coinbase.urls import PATHS
from adapters.purpose import Purpose

__all__ = ["FILLS_TIMER", "FillQuestions", "ask_fills"]

FILLS_TIMER = "session:fills:again"
_PER_PAGE = 100
_ORDERS_PER_QUESTION = 50
_AGAIN_FIRST_NS, _AGAIN_MAX_NS = 50_000_000, 5_000_000_000

_decode_page = msgspec.json.Decoder(FillsPage).decode

OnPages = Callable[[list[FillInfo], int], None]
OnFailure = Callable[[str, Verdict | None, int], None]


def ask_fills(
    rest: RestLink,
    key: str,
    params: tuple[tuple[str, str], ...],
    on_all: OnPages,
    on_failure: OnFailure,
    now_ns: int,
    purpose: Purpose = Purpose.LISTING,
) -> None:
    """Every fill that matches, over all pages."""
    found: list[FillInfo] = []

    def ask(cursor: str, asked_ns: int) -> None:
        at = (("limit", str(_PER_PAGE)), *((("cursor", cursor),) if cursor else ()))
        rest.ask(RestQuestion(key, PATHS.fills, (*params, *at), on_answer, on_failure, purpose=purpose), asked_ns)

    def on_answer(body: bytes, asked_ns: int, answered_ns: int) -> None:
        page = _decode_page(body)
        found.extend(page.fills)
        if page.cursor and len(page.fills) >= _PER_PAGE:
            ask(page.cursor, answered_ns)
        else:
            on_all(found, answered_ns)

    ask("", now_ns)


class FillQuestions:
    """``owes(order_id)`` tells whether an order's trades are still missing; ``on_fills`` takes what has come."""

    def __init__(self, core: SessionCore, rest: RestLink) -> None:
        self._core, self._rest = core, rest
        self._wanted: dict[str, None] = {}
        self._is_asking = False
        self._again_ns = _AGAIN_FIRST_NS
        self.on_fills: OnPages = _nobody
        self.owes: Callable[[str], bool] = _none

    def want(self, order_id: str, now_ns: int) -> None:
        """Ask for the trades of an order, with the next question."""
        if order_id not in self._wanted:
            self._wanted[order_id] = None
            self._again_ns = _AGAIN_FIRST_NS
        self._ask(now_ns)

    def on_timer(self, now_ns: int) -> None:
        self._ask(now_ns)

    def _ask(self, now_ns: int) -> None:
        if self._is_asking or not self._wanted:
            return
        self._is_asking = True
        self._core.ctx.cancel_timer(FILLS_TIMER)
        asked = list(self._wanted)[:_ORDERS_PER_QUESTION]
        for order_id in asked:
            del self._wanted[order_id]

        def on_all(fills: list[FillInfo], answered_ns: int) -> None:
            self.on_fills(fills, answered_ns)
            self._done([each for each in asked if self.owes(each)], answered_ns)

        def on_failure(text: str, verdict: Verdict | None, failed_ns: int) -> None:
            self._core.count("fills not told")
            self._done(asked, failed_ns)

        params = tuple(("order_ids", each) for each in asked)
        ask_fills(self._rest, "fills", params, on_all, on_failure, now_ns)

    def _done(self, still: list[str], now_ns: int) -> None:
        """What is still missing is asked for again a little later; what is new, at once."""
        self._is_asking = False
        is_new = bool(self._wanted)
        for order_id in still:
            self._wanted.setdefault(order_id)
        if is_new:
            self._ask(now_ns)
        elif self._wanted:
            self._core.ctx.set_timer(FILLS_TIMER, now_ns + self._again_ns)
            self._again_ns = min(2 * self._again_ns, _AGAIN_MAX_NS)


def _nobody(fills: list[FillInfo], now_ns: int) -> None:
    """Until the session has its ledger."""


def _none(order_id: str) -> bool:
    return False
