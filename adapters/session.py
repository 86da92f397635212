"""What the sessions of all venues have in common: symbols, books, and who an event of the runtime is for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from adapters.core import DEFERRED_TIMER
from engine.actor import Context
from engine.book import OrderBook
from engine.errors import UsageError
from engine.order import Order

__all__ = ["Link", "LinkedSession", "SessionParts"]


class Link(Protocol):
    """One connection, to the runtime's eyes."""

    def on_up(self, now_ns: int) -> None: ...

    def on_bytes(self, data: bytes, now_ns: int) -> None: ...

    def on_down(self, reason: str, now_ns: int) -> None: ...


class _Core(Protocol):
    ctx: Context

    def tell_deferred(self, now_ns: int) -> None: ...


class SessionParts(Protocol):
    """What there is once a session has been started."""

    @property
    def core(self) -> _Core: ...


_Parts = TypeVar("_Parts", bound=SessionParts)


class LinkedSession(ABC, Generic[_Parts]):
    """A session over several links, each of which has a name that its timers begin with.

    ``symbols``: (instrument id, the venue's symbol) of each instrument, ``symbols_max`` at most. Raises UsageError for
    none, too many, or one given twice.
    """

    def __init__(self, symbols: Sequence[tuple[int, str]], symbols_max: int) -> None:
        if not 1 <= len(symbols) <= symbols_max:
            raise UsageError(f"symbols: {len(symbols)} given; one session takes 1 to {symbols_max}")
        if len(dict(symbols)) != len(symbols) or len({symbol for _, symbol in symbols}) != len(symbols):
            raise UsageError("symbols: an instrument id or a symbol is given twice")
        self._symbols = tuple(symbols)
        self._books = {instrument_id: OrderBook() for instrument_id, _ in symbols}
        self._parts: _Parts | None = None

    def book(self, instrument_id: int) -> OrderBook:
        """Raises UsageError for an instrument that the session was not given."""
        book = self._books.get(instrument_id)
        if book is None:
            raise UsageError(f"instrument {instrument_id} is not one of this session's")
        return book

    def recall(self, order: Order) -> None:
        """Nothing to remember: the venue tells an order's past itself."""

    def _started(self) -> _Parts:
        if self._parts is None:
            raise UsageError("the session has not been started, or has been stopped")
        return self._parts

    def _must_not_be_started(self) -> None:
        if self._parts is not None:
            raise UsageError("the session has been started already")

    def stop(self, now_ns: int) -> None:
        """Close every link. Nothing more is told."""
        parts, self._parts = self._parts, None
        if parts is None:
            return
        for key in (DEFERRED_TIMER, *self._timers(parts)):
            parts.core.ctx.cancel_timer(key)
        self._close(parts, now_ns)

    # -- what is the venue's own -----------------------------------------------------------------------------

    @abstractmethod
    def _link(self, parts: _Parts, name: str) -> Link | None: ...

    @abstractmethod
    def _timers(self, parts: _Parts) -> Mapping[str, Callable[[int], None]]:
        """Who is told of a timer that is no link's, by its key."""

    @abstractmethod
    def _on_link_timer(self, parts: _Parts, key: str, now_ns: int) -> None: ...

    @abstractmethod
    def _close(self, parts: _Parts, now_ns: int) -> None: ...

    # -- events of the runtime -------------------------------------------------------------------------------

    def on_link_up(self, link: str, now_ns: int) -> None:
        target = self._link(self._parts, link) if self._parts is not None else None
        if target is not None:
            target.on_up(now_ns)

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        target = self._link(self._parts, link) if self._parts is not None else None
        if target is not None:
            target.on_bytes(data, now_ns)

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        target = self._link(self._parts, link) if self._parts is not None else None
        if target is not None:
            target.on_down(reason, now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        parts = self._parts
        if parts is None:
            return
        if key == DEFERRED_TIMER:
            parts.core.tell_deferred(now_ns)
            return
        told = self._timers(parts).get(key)
        if told is not None:
            told(now_ns)
        else:
            self._on_link_timer(parts, key, now_ns)
