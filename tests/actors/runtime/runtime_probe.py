"""Actors for the runtime's tests. A module of its own, as Ray's processes import it too."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from actors.runtime.spec import Resources
from engine.actor import Actor, Context, Endpoint
from engine.journal import MemoryJournal
from engine.messages import LeaseRefusal, Message, Quote, StatusReport, StatusRequest

__all__ = ["OpenLatch", "Probe", "note", "pinger", "ponger", "quote", "resources"]


class OpenLatch:
    def is_trading(self) -> bool:
        return True


class NoLatency:
    def record(self, stage: str, latency_ns: int) -> None: ...

    def group(self, stages: Sequence[str]) -> Callable[..., None]:
        return lambda *latencies_ns: None


def resources(name: str, arguments: bytes = b"") -> Resources:
    return Resources(MemoryJournal(), OpenLatch(), NoLatency())


def note(number: int, text: str = "") -> LeaseRefusal:
    """A small message that is never conflated and carries a number and a text of any length."""
    return LeaseRefusal(number, 0, text)


def quote(instrument_id: int, update_id: int) -> Quote:
    return Quote(instrument_id, 1, 1, 2, 1, update_id, 0, 0)


class Probe(Actor):
    """Writes down everything that it is told, and answers a StatusRequest with the counts of it.

    ``on`` maps the name of an event to what to do then, called with the probe and the event's arguments.
    """

    def __init__(
        self,
        *peers: str,
        on: dict[str, Callable[..., Any]] | None = None,
        listen: Endpoint | None = None,
        touched: Callable[[], None] = lambda: None,
    ) -> None:
        self.peers = peers
        self.events: list[tuple[Any, ...]] = []
        self.times: list[int] = []
        self.ctx: Context
        self.touched = touched
        self._on = on or {}
        self._listen = listen

    def seen(self, kind: str) -> list[tuple[Any, ...]]:
        """The arguments of the events of one kind, in order."""
        return [event[1:] for event in self.events if event[0] == kind]

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self.ctx = ctx
        if self._listen is not None:
            ctx.listen("door", self._listen)
        self._note(now_ns, "start")

    def on_stop(self, now_ns: int) -> None:
        self._note(now_ns, "stop")

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, StatusRequest):
            kinds = [event[0] for event in self.events]
            counters = {kind: kinds.count(kind) for kind in kinds}
            self.ctx.send(sender, StatusReport(self.ctx.name, "probe", message.nonce, os.getpid(), "up", counters))
        self._note(now_ns, "message", sender, message)

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        self._note(now_ns, "peer_up", peer)

    def on_peer_down(self, peer: str, now_ns: int) -> None:
        self._note(now_ns, "peer_down", peer)

    def on_timer(self, key: str, now_ns: int) -> None:
        self._note(now_ns, "timer", key)

    def on_link_up(self, link: str, now_ns: int) -> None:
        self._note(now_ns, "link_up", link)

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        self._note(now_ns, "link_bytes", link, data)

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        self._note(now_ns, "link_down", link, reason)

    def _note(self, now_ns: int, kind: str, *arguments: Any) -> None:
        self.events.append((kind, *arguments))
        self.times.append(now_ns)
        react = self._on.get(kind)
        if react is not None:
            react(self, *arguments)
        self.touched()


# -- factories for Ray, by import path


def ponger(_: bytes) -> Probe:
    """Sends every note back."""

    def answer(probe: Probe, sender: str, message: Message) -> None:
        if isinstance(message, LeaseRefusal):
            if message.text == "raise":
                raise RuntimeError("asked to raise")
            probe.ctx.send(sender, message)

    return Probe(on={"message": answer})


def pinger(_: bytes) -> Probe:
    """Sends notes 1 to 10 to ``ponger`` whenever it is there."""

    def begin(probe: Probe, peer: str) -> None:
        if peer == "ponger":
            for number in range(1, 11):
                probe.ctx.send(peer, note(number))

    return Probe("ponger", on={"peer_up": begin})
