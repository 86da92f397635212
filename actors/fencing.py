"""Fencing: what the kill switch actor does about venue actors that do not do their part of a kill.

    silent for ``acknowledge_ns``        ──FenceActor──▶ node agent: ends its process ─▶ "halted" on its behalf
    its host cannot be reached           ──its node agent's lease has ended─▶ it was ended there (``node_leases.py``)
    fenced, or slow to cancel            ──Undertake───▶ undertaker: cancels at the venue ─▶ "cancelled" on its behalf

Hung is who makes no progress, not who has no process: a venue actor answers a kill from the loop that would send its
orders, so its silence is the sign, whatever became of its process. That it was fenced stands in the kill's receipt.

A request is repeated until it is answered, so a lost one, or the death of the node agent or of the undertaker, costs
time and nothing else. Drills have no part in this, nor have kills that are not held any more.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from actors.node_leases import NodeLeases
from engine.actor import Context
from engine.codes import KillMode
from engine.messages import FenceActor, KillProgress, NodeHeartbeat, NodeWord, Undertake
from risk.kill_register import HeldKill, KillRegister
from risk.lease import FOREVER_NS

__all__ = ["FENCING_COUNTERS", "FENCING_TIMER", "Fencing", "FencingSettings"]

FENCING_TIMER = "fencing"
#: What ``Fencing.counters`` has: venue actors ended since the start, and those whose orders others cancel now.
FENCING_COUNTERS = ("fenced", "undertaken")
_MS = 1_000_000
_TICK_NS = 100 * _MS
_FENCE_AGAIN_NS = 200 * _MS
_UNDERTAKE_AGAIN_NS = 1_000 * _MS
#: A venue actor that was not fenced may take so long to cancel by itself.
_CANCEL_NS = 2_000 * _MS
#: After a start of the kill switch actor: venue actors may just be starting, too.
_START_GRACE_NS = 10_000 * _MS
#: A venue actor that has just connected logs on and reconciles, and its loop may stand still for a while.
_SETTLING_NS = 2_000 * _MS


class FencingSettings(msgspec.Struct, frozen=True):
    """``node_agents`` and ``undertakers`` by venue actor. Empty: nobody is fenced. ``venue_accounts`` says of each
    venue actor which venue and account it trades. ``node_leases``: of node agents whose host has a latch of its own."""

    acknowledge_ns: int = 50 * _MS
    node_agents: dict[str, str] = {}
    undertakers: dict[str, str] = {}
    venue_accounts: dict[str, tuple[str, str]] = {}
    node_leases: dict[str, int] = {}


class _Watched(NamedTuple):
    """A kill that is not settled yet, and since when its venue actors are waited for."""

    held: HeldKill
    since_ns: int


class Fencing:
    """``on_progress(progress, now_ns)`` takes words about a venue actor into its kill's case."""

    def __init__(self, settings: FencingSettings, on_progress: Callable[[KillProgress, int], None]) -> None:
        self.settings = settings
        self._on_progress = on_progress
        self._watched: dict[str, _Watched] = {}
        #: When each venue actor connected last, in this life.
        self._up_ns: dict[str, int] = {}
        self._next_ns = FOREVER_NS
        #: (kill, venue actor) → when its node agent, or its undertaker, was asked last.
        self._fencing: dict[tuple[str, str], int] = {}
        self._undertaken: dict[tuple[str, str], int] = {}
        self._fenced: set[tuple[str, str]] = set()
        self._fences = 0
        self._leases = NodeLeases(settings.node_leases)

    def start(self, ctx: Context) -> None:
        self._ctx = ctx
        self._began_ns = ctx.clock_ns()
        self._leases.start(self._began_ns)

    def on_up(self, actor: str, now_ns: int) -> None:
        """A venue actor has connected, and is told of every kill that waits for it: its time runs from now on."""
        self._up_ns[actor] = now_ns

    # -- hosts with a latch of their own --------------------------------------------------------------------

    def is_elsewhere(self, venue_actor: str) -> bool:
        """Whether a venue actor is on a host whose latch, and clock, are not ours."""
        return self.settings.node_agents.get(venue_actor) in self.settings.node_leases

    def spread(self, held: HeldKill) -> None:
        """Have a kill latched on the hosts whose latch is not ours."""
        for node_agent in self.settings.node_leases:
            self._ctx.send(node_agent, held.kill)

    def on_heartbeat(self, sender: str, heartbeat: NodeHeartbeat, register: KillRegister) -> None:
        if sender == heartbeat.node_agent and self._leases.answer(sender, self._ctx.clock_ns()):
            kills = tuple(held.kill for held in register.held.values() if held.end is None)
            released = tuple(tag for tag in heartbeat.unknown if register.was_released(tag))
            self._ctx.send(sender, NodeWord(heartbeat.sent_ns, kills, released))

    def counters(self) -> dict[str, int]:
        return dict(zip(FENCING_COUNTERS, (self._fences, len(self._undertaken)), strict=True))

    # -- watching -------------------------------------------------------------------------------------------

    def watch(self, held: HeldKill, now_ns: int) -> None:
        """From now on the kill's venue actors are held to their time."""
        kill_id = held.kill.kill_id
        if kill_id in self._watched or not self.settings.node_agents:
            return
        self._watched[kill_id] = _Watched(held, now_ns)
        self._look_at(now_ns + self.settings.acknowledge_ns)

    def on_timer(self, now_ns: int) -> None:
        for kill_id, watched in list(self._watched.items()):
            if watched.held.end is None and not watched.held.case.settled:
                self._look(watched, now_ns)
            if watched.held.end is not None or watched.held.case.settled:
                self._forget(kill_id, watched)
        self._next_ns = FOREVER_NS
        if self._watched:
            self._look_at(now_ns + _TICK_NS)

    def _look_at(self, at_ns: int) -> None:
        if at_ns < self._next_ns:
            self._next_ns = at_ns
            self._ctx.set_timer(FENCING_TIMER, at_ns)

    def _look(self, watched: _Watched, now_ns: int) -> None:
        held = watched.held
        for state in held.case.actor_states():
            key = (held.kill.kill_id, state.venue_actor)
            due_ns = self._due_ns(watched, state.venue_actor)
            if not state.stage and now_ns >= due_ns:
                self._fence(key, now_ns)
            if key in self._fenced or now_ns >= due_ns + _CANCEL_NS:
                self._undertake(held, key, state.stage, now_ns)

    def _due_ns(self, watched: _Watched, actor: str) -> int:
        """By when the venue actor must have acknowledged."""
        since_ns, up_ns = watched.since_ns, self._up_ns.get(actor)
        if up_ns is None and since_ns < self._began_ns + _START_GRACE_NS:
            return self._began_ns + _START_GRACE_NS
        settled_ns = 0 if up_ns is None else up_ns + _SETTLING_NS
        return max(since_ns, settled_ns) + self.settings.acknowledge_ns

    def _forget(self, kill_id: str, watched: _Watched) -> None:
        """Everybody has done their part, or it was done for them; or the kill is over."""
        del self._watched[kill_id]
        for actor in watched.held.case.venue_actors:
            key = (kill_id, actor)
            self._fencing.pop(key, None)
            self._fenced.discard(key)
            self._release(key)

    # -- asking ---------------------------------------------------------------------------------------------

    def _fence(self, key: tuple[str, str], now_ns: int) -> None:
        kill_id, actor = key
        if key not in self._fencing:
            text = f"did not acknowledge within {self.settings.acknowledge_ns // _MS} ms: its process is being ended"
            self._ctx.log("FENCING", venue_actor=actor, kill_id=kill_id)
            self._on_progress(KillProgress(kill_id, actor, "halted", self._ctx.clock_ns(), 0, 0, text), now_ns)
        elif now_ns - self._fencing[key] < _FENCE_AGAIN_NS:
            return
        self._fencing[key] = now_ns
        node_agent = self.settings.node_agents[actor]
        if not self._leases.is_over(node_agent, now_ns):
            self._ctx.send(node_agent, FenceActor(kill_id, actor))
            return
        text = f"{node_agent} cannot be reached; its lease is over, by which it has ended the process"
        self._on_progress(KillProgress(kill_id, actor, "halted", self._ctx.clock_ns(), 0, 0, text), now_ns)
        self._ended(key)
        self._on_progress(KillProgress(kill_id, actor, "halted", self._ctx.clock_ns(), 0, 0), now_ns)

    def _undertake(self, held: HeldKill, key: tuple[str, str], stage: str, now_ns: int) -> None:
        kill_id, actor = key
        if stage in ("cancelled", "flat"):
            self._release(key)
            return
        mode, scope = KillMode(held.kill.mode), held.scope
        if not mode.cancels or not scope.covers_all_of(*self.settings.venue_accounts[actor]):
            return  # the undertaker cancels everything: what is narrower waits for the actor's next life
        asked_ns = self._undertaken.get(key)
        if asked_ns is not None and now_ns - asked_ns < _UNDERTAKE_AGAIN_NS:
            return
        self._undertaken[key] = now_ns
        self._ctx.send(self.settings.undertakers[actor], Undertake(kill_id, actor, is_halted=bool(stage)))

    def _release(self, key: tuple[str, str]) -> None:
        if self._undertaken.pop(key, None) is not None:
            kill_id, actor = key
            self._ctx.send(self.settings.undertakers[actor], Undertake(kill_id, actor, True, is_over=True))

    # -- being told -----------------------------------------------------------------------------------------

    def may_speak(self, sender: str, progress: KillProgress) -> bool:
        """Whether this is an answer that somebody was asked for on the venue actor's behalf: a node agent says
        ``halted``, an undertaker of the cancels of an actor that has halted; nobody anything else."""
        actor, key = progress.venue_actor, (progress.kill_id, progress.venue_actor)
        if sender == self.settings.node_agents.get(actor):
            if progress.stage != "halted" or key not in self._fencing:
                return False
            if not progress.failure:
                self._ended(key)
            return True
        if sender != self.settings.undertakers.get(actor):
            return False
        return progress.stage in ("cancel_sent", "cancelled") and self._is_halted(key) and key in self._undertaken

    def _ended(self, key: tuple[str, str]) -> None:
        if key not in self._fenced:
            self._fenced.add(key)
            self._fences += 1
            self._undertaken.pop(key, None)  # asked at once, and now for good
            self._look_at(self._ctx.clock_ns())

    def _is_halted(self, key: tuple[str, str]) -> bool:
        watched = self._watched.get(key[0])
        states = watched.held.case.actor_states() if watched is not None else ()
        return any(state.stage for state in states if state.venue_actor == key[1])
