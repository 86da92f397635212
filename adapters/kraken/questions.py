"""Questions about orders over REST, each of which is told of once, whatever becomes of it."""

from collections.abc import Callable

import msgspec

from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict
from adapters.kraken.messages import OrderAmend, OrderInfo
from adapters.kraken.numbers import number_text
from adapters.kraken.rest import RestLink, RestQuestion
from adapters.purpose import Purpose
from engine.errors import VenueError
from engine.venue import QueryFailed

__all__ = ["ClosedOrders", "OpenOrders", "Questions", "amended_ns", "is_amended"]


class OpenOrders(msgspec.Struct, frozen=True):
    open: dict[str, OrderInfo] = {}


class ClosedOrders(msgspec.Struct, frozen=True):
    closed: dict[str, OrderInfo] = {}
    count: int = 0


def is_amended(info: OrderInfo) -> bool:
    return "amended" in info.misc.split(",")


def amended_ns(amend: OrderAmend) -> int:
    """The venue writes milliseconds, cut off."""
    milliseconds = number_text(amend.timestamp).partition(".")[0]
    if not milliseconds.isdigit() or len(milliseconds) > 13:
        raise VenueError(f"an amend at {milliseconds} ms")
    return int(milliseconds) * 1_000_000


class Questions:
    def __init__(self, core: SessionCore, rest: RestLink) -> None:
        self._core, self._rest = core, rest
        self._asked = 0

    def ask(
        self,
        name: str,
        params: tuple[tuple[str, str], ...],
        on_result: Callable[[msgspec.Raw, int], None],
        failed: Callable[[str, Verdict, int], None],
        now_ns: int,
        *,
        purpose: Purpose = Purpose.QUERY,
        cost_milli: int = 1_000,
    ) -> None:
        """One question that is told of once, whatever becomes of it. Only what confirms a cancel does not wait."""
        self._asked += 1
        question = RestQuestion(
            f"{name}:{self._asked}",
            name,
            params,
            lambda result, asked_ns, now_ns: on_result(result, now_ns),
            failed,
            purpose=purpose,
            cost_milli=cost_milli,
            is_patient=purpose is not Purpose.LISTING,
        )
        self._rest.ask(question, now_ns)

    def query_failed(self, query_id: int) -> Callable[[str, Verdict, int], None]:
        """What tells that a query of the session's owner has failed, a little later: not in the middle of asking."""

        def failed(text: str, verdict: Verdict, now_ns: int) -> None:
            self._core.defer(QueryFailed(query_id, "", text), now_ns, self._core.options.retry_first_ns)

        return failed

    def forget(self) -> None:
        """Whoever has asked will ask again."""
        self._rest.forget_queries()
