"""Cancelling without an order link: over REST, where it needs no token."""

import msgspec

from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict
from adapters.kraken.questions import OpenOrders, Questions
from adapters.purpose import Purpose
from engine.venue import CancelAllAnswered

__all__ = ["RestCancels"]

_decode_open = msgspec.json.Decoder(OpenOrders).decode


class RestCancels:
    def __init__(self, core: SessionCore, questions: Questions) -> None:
        self._core, self._questions = core, questions

    def cancel_all(self, instrument_id: int, now_ns: int) -> None:
        """List, then cancel one by one. Raises UsageError for an instrument that the session does not have."""
        grid, core = self._core.grid(instrument_id), self._core

        def failed(text: str, verdict: Verdict, failed_ns: int) -> None:
            core.defer(CancelAllAnswered(instrument_id, text), failed_ns, core.options.retry_first_ns)

        def on_open(result: msgspec.Raw, answered_ns: int) -> None:
            open_orders = _decode_open(result).open
            missing = {each for each, info in open_orders.items() if info.descr.pair in (grid.altname, grid.pair_id)}
            if not missing:
                core.emit(CancelAllAnswered(instrument_id, ""), answered_ns)
            for order_id in sorted(missing):
                self._cancel_one(order_id, instrument_id, missing, answered_ns)

        self._questions.ask("OpenOrders", (), on_open, failed, now_ns, purpose=Purpose.CANCEL_ALL)

    def _cancel_one(self, order_id: str, instrument_id: int, missing: set[str], now_ns: int) -> None:
        """``missing``: those of a cancel-all that have not been answered; empty once a failure was told."""
        core = self._core

        def answered(failure: str, answered_ns: int) -> None:
            if order_id not in missing:
                return
            missing.discard(order_id)
            if failure:
                missing.clear()
                core.defer(CancelAllAnswered(instrument_id, failure), answered_ns, core.options.retry_first_ns)
            elif not missing:
                core.emit(CancelAllAnswered(instrument_id, ""), answered_ns)

        def failed(text: str, verdict: Verdict, failed_ns: int) -> None:
            answered("" if verdict is Verdict.NOT_OPEN else text, failed_ns)

        self._questions.ask(
            "CancelOrder",
            (("txid", order_id),),
            lambda result, answered_ns: answered("", answered_ns),
            failed,
            now_ns,
            purpose=Purpose.CANCEL_ALL,
            cost_milli=0,
        )

    def arm_dead_man_timer(self, timeout_s: int, now_ns: int) -> None:
        def failed(text: str, verdict: Verdict, failed_ns: int) -> None:
            self._core.count("dead-man timer refused")

        self._questions.ask(
            "CancelAllOrdersAfter",
            (("timeout", str(timeout_s)),),
            lambda result, answered_ns: None,
            failed,
            now_ns,
            purpose=Purpose.CANCEL_ALL,
        )
