"""The virtual network: outside links between actors that open and actors that listen, and peer links between hosts.

A link is a stream: what goes in at one end comes out at the other whole, in order, after the weather's delay. A write
arrives as the one piece that it was.
"""

from functools import partial
from itertools import count
from typing import Protocol

from actors.runtime.dispatch import CellState
from actors.runtime.virtual_host import VirtualActor, VirtualHost
from actors.runtime.virtual_time import Agenda
from actors.runtime.weather import Lost, Weather
from engine.actor import Endpoint
from engine.errors import UsageError
from engine.frame import FRAME_HEADER_BYTES
from engine.messages import Message, decode_message, encode_message

__all__ = ["NetworkProbe", "VirtualNetwork"]

#: Bytes in flight beyond which a link's socket pushes back, as a real one with its kernel's buffers does.
SOCKET_BYTES = 1 << 20
_FIRST_FREE_PORT = 49_152
#: When an end finds out that the other is gone and nothing told it: as TCP keep-alive does on real links.
_SILENCE_NS = 11_000_000_000
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", ""})


class NetworkProbe(Protocol):
    """Sees everything that leaves an actor for another host, and what becomes of it. It may not act."""

    def on_write(self, cell: VirtualActor, link: str, data: bytes) -> None:
        """Bytes leave on an outside link."""
        ...

    def on_written(self, cell: VirtualActor, link: str, data: bytes) -> None:
        """Those bytes have been taken in at the other end, or never will be."""
        ...

    def on_send(self, cell: VirtualActor, peer: str, payload: bytes) -> None:
        """A message leaves for a peer."""
        ...

    def on_deliver(self, cell: VirtualActor, sender: str, payload: bytes) -> None:
        """A message has come from a peer; its handler has not been called yet."""
        ...


class _End:
    """One end of a link. ``name`` is what its actor calls the link (for a peer link: the peer)."""

    def __init__(self, cell: VirtualActor, name: str) -> None:
        self.cell = cell
        self.name = name
        #: What the weather is told: the name of an outside link at the side that opened it.
        self.opened_as = ""
        self.other: _End | None = None
        self.is_up = False
        self.is_closed = False
        #: What goes in is lost, and neither end knows yet.
        self.is_dead = False
        self.in_flight_bytes = 0
        self.last_arrival_ns = 0


class _PeerEnd(_End):
    """The way out of a peer link: ``actors.runtime.dispatch.Route``."""

    def __init__(self, cell: VirtualActor, name: str, network: "VirtualNetwork") -> None:
        super().__init__(cell, name)
        self._network = network
        self._latest: dict[tuple[type, int], Message] = {}

    def send(self, message: Message) -> bool:
        if not self.is_up:
            return False
        settings = self.cell.host.spec.settings
        if self.in_flight_bytes >= SOCKET_BYTES and message.CONFLATED:
            key = (type(message), message.instrument_id)  # type: ignore[union-attr]
            self.cell.host.runtime.conflated += self._latest.pop(key, None) is not None
            self._latest[key] = message
            return True
        payload = encode_message(message)
        waiting = self.in_flight_bytes - SOCKET_BYTES
        if waiting >= settings.peer_buffer_bytes or len(payload) > settings.frame_bytes:
            return False
        self._network.carry_message(self, payload)
        return True

    def drained(self) -> None:
        while self._latest and self.is_up and self.in_flight_bytes < SOCKET_BYTES:
            self._network.carry_message(self, encode_message(self._latest.pop(next(iter(self._latest)))))


class VirtualNetwork:
    def __init__(self, agenda: Agenda, hosts: dict[str, VirtualHost], weather: Weather) -> None:
        self.weather = weather
        self.probe: NetworkProbe | None = None
        self._agenda = agenda
        self._hosts = hosts
        self._ends: dict[tuple[VirtualActor, str], _End] = {}
        self._peers: dict[tuple[VirtualActor, str], _PeerEnd] = {}
        self._listening: dict[tuple[str, int], tuple[VirtualActor, str]] = {}
        self._ports: dict[tuple[VirtualActor, str], int] = {}
        self._free_port = count(_FIRST_FREE_PORT)
        self._accepted: dict[tuple[VirtualActor, str], int] = {}

    # -- outside links

    def open_link(self, cell: VirtualActor, name: str, endpoint: Endpoint) -> None:
        old = self._ends.pop((cell, name), None)
        if old is not None:
            self._close(old)
        end = _End(cell, name)
        end.opened_as = name
        self._ends[cell, name] = end
        place = _place(endpoint)
        listener = self._listening.get(place)
        target = listener[0].host if listener is not None else cell.host
        delay_ns = self.weather.delay_ns(cell.host.name, target.name, self._agenda.now_ns, name)
        if not isinstance(delay_ns, int):
            timeout_ns = cell.host.spec.settings.connect_timeout_ns
            cell.host.at(self._agenda.now_ns + timeout_ns, partial(self._down, end, "no connection in time"))
            return
        self._agenda.put(self._agenda.now_ns + delay_ns, partial(self._arrive, end, place))

    def write(self, cell: VirtualActor, name: str, data: bytes) -> None:
        end = self._ends.get((cell, name))
        if end is None or not end.is_up or not data:
            return
        data = bytes(data)
        if self.probe is not None:
            self.probe.on_write(cell, name, data)
        if not self._carry(end, len(data), partial(self._bytes, end, data)) and self.probe is not None:
            self.probe.on_written(cell, name, data)
        if end.in_flight_bytes > cell.host.spec.settings.link_buffer_bytes:
            self._break(end, "the other side has not read")

    def writable(self, cell: VirtualActor, name: str) -> bool:
        end = self._ends.get((cell, name))
        return end is not None and end.is_up and end.in_flight_bytes < SOCKET_BYTES

    def close_link(self, cell: VirtualActor, name: str) -> None:
        end = self._ends.get((cell, name))
        if end is not None and not end.is_closed:
            self._close(end)
            cell.host.at(self._agenda.now_ns, partial(self._down, end, "closed by us"))

    def listen(self, cell: VirtualActor, key: str, endpoint: Endpoint) -> None:
        host, port = _place(endpoint)
        port = port or next(self._free_port)
        if (host, port) in self._listening:
            raise UsageError(f"{cell.name}: cannot listen on {endpoint.host}:{port}: the address is in use")
        self._listening[host, port] = (cell, key)
        self._ports[cell, key] = port
        self._accepted[cell, key] = 0

    def listening_port(self, cell: VirtualActor, key: str) -> int:
        if (cell, key) not in self._ports:
            raise UsageError(f"{cell.name} does not listen as {key!r}")
        return self._ports[cell, key]

    # -- peer links

    def dial(self, cell: VirtualActor, peer: str, wait_ns: int = 0) -> None:
        """Keep a link from ``cell`` to ``peer`` from now on."""
        cell.host.at(self._agenda.now_ns + wait_ns, partial(self._dial, cell, peer, wait_ns))

    def carry_message(self, end: _PeerEnd, payload: bytes) -> None:
        if self.probe is not None:
            self.probe.on_send(end.cell, end.name, payload)
        self._carry(end, len(payload) + FRAME_HEADER_BYTES, partial(self._message, end, payload))

    # -- the end of an actor

    def cut(self, cell: VirtualActor) -> None:
        """The actor is gone: what it had open ends for the others, after what it sent before."""
        for place in [place for place, (owner, _) in self._listening.items() if owner is cell]:
            del self._listening[place]
        for end in [end for (owner, _), end in self._ends.items() if owner is cell]:
            self._close(end)
            del self._ends[cell, end.name]
        for peer_end in [end for (owner, _), end in self._peers.items() if owner is cell]:
            self._close(peer_end)
            del self._peers[cell, peer_end.name]

    # -- carrying

    def again(self, cell: VirtualActor, peer: str, payload: bytes) -> None:
        """A message arrives once more that was sent before: only for those that their protocol lets repeat."""
        end = self._peers.get((cell, peer))
        if end is not None and end.is_up:
            self._carry(end, len(payload) + FRAME_HEADER_BYTES, partial(self._message, end, payload))

    def _carry(self, end: _End, size: int, deliver: partial[None]) -> bool:
        """The one place where anything leaves an actor for another host. False: it will never arrive."""
        assert end.other is not None
        source, target = end.cell.host, end.other.cell.host
        delay_ns = self.weather.delay_ns(source.name, target.name, self._agenda.now_ns, end.opened_as)
        if end.is_dead:
            end.in_flight_bytes += size
            return False
        if not isinstance(delay_ns, int):
            self._lose(end, delay_ns)
            return False
        end.in_flight_bytes += size
        end.last_arrival_ns = max(end.last_arrival_ns, self._agenda.now_ns + delay_ns)
        target.at(end.last_arrival_ns, partial(self._landed, end, size, deliver))
        return True

    def _lose(self, end: _End, lost: Lost | None) -> None:
        if lost is None:
            self._break(end, "lost by the network")
            return
        end.is_dead = True
        self._agenda.put(self._agenda.now_ns + lost.noticed_ns, partial(self._break, end, "lost by the network"))

    def _landed(self, end: _End, size: int, deliver: partial[None]) -> None:
        end.in_flight_bytes -= size
        deliver()
        if isinstance(end, _PeerEnd):
            end.drained()

    def _bytes(self, end: _End, data: bytes) -> None:
        other = end.other
        if other is not None and other.is_up:
            other.cell.host.dispatcher.run(other.cell, other.cell.actor.on_link_bytes, other.name, data)
        if self.probe is not None:
            self.probe.on_written(end.cell, end.name, data)

    def _message(self, end: _PeerEnd, payload: bytes) -> None:
        other = end.other
        if other is not None and other.is_up:
            if self.probe is not None:
                self.probe.on_deliver(other.cell, other.name, payload)
            message = decode_message(payload)
            other.cell.host.dispatcher.run(other.cell, other.cell.actor.on_message, other.name, message)

    def _arrive(self, end: _End, place: tuple[str, int]) -> None:
        """A connection attempt reaches its target."""
        listener = self._listening.get(place)
        target = listener[0].host if listener is not None else end.cell.host
        back_ns = self.weather.delay_ns(target.name, end.cell.host.name, self._agenda.now_ns, end.name)
        if listener is None or not isinstance(back_ns, int):
            wait_ns = back_ns if isinstance(back_ns, int) else end.cell.host.spec.settings.connect_timeout_ns
            reason = f"cannot connect to {place[0]}:{place[1]}: connection refused"
            end.cell.host.at(self._agenda.now_ns + wait_ns, partial(self._down, end, reason))
            return
        if end.is_closed:
            return
        cell, key = listener
        self._accepted[listener] += 1
        other = _End(cell, f"{key}#{self._accepted[listener]}")
        other.other, end.other, other.opened_as = end, other, end.opened_as
        other.last_arrival_ns = self._agenda.now_ns + back_ns
        self._ends[cell, other.name] = other
        end.cell.host.at(other.last_arrival_ns, partial(self._up, end))
        cell.host.at(self._agenda.now_ns, partial(self._accept, other))

    def _accept(self, end: _End) -> None:
        if not end.is_closed:
            end.is_up = True
            end.cell.host.dispatcher.run(end.cell, end.cell.actor.on_link_up, end.name)

    def _up(self, end: _End) -> None:
        if not end.is_closed and self._ends.get((end.cell, end.name)) is end:
            end.is_up = True
            end.cell.host.dispatcher.run(end.cell, end.cell.actor.on_link_up, end.name)

    # -- ending

    def _close(self, end: _End) -> None:
        """End our half: nothing more goes out or comes in here, and the other end hears of it in its turn."""
        if end.is_closed:
            return
        other, end.is_closed, end.is_up = end.other, True, False
        if other is None or other.is_closed:
            return
        now_ns = self._agenda.now_ns
        delay_ns = self.weather.delay_ns(end.cell.host.name, other.cell.host.name, now_ns, end.opened_as)
        if isinstance(delay_ns, int) and not end.is_dead:
            arrival_ns = max(end.last_arrival_ns, now_ns + delay_ns)
            other.cell.host.at(arrival_ns, partial(self._down, other, "closed by the peer"))
        else:
            silence_ns = delay_ns.noticed_ns if isinstance(delay_ns, Lost) else _SILENCE_NS
            self._agenda.put(now_ns + silence_ns, partial(self._break, other, "the other side is gone"))

    def _break(self, end: _End, reason: str) -> None:
        """The link is dead: each end finds out for itself, now."""
        for half in (end, end.other):
            if half is not None and not half.is_closed:
                half.is_closed, half.is_up = True, False
                half.cell.host.at(self._agenda.now_ns, partial(self._down, half, reason))

    def _down(self, end: _End, reason: str) -> None:
        end.is_closed, end.is_up = True, False
        cell = end.cell
        if isinstance(end, _PeerEnd):
            if self._peers.get((cell, end.name)) is end:
                self._peer_down(cell, end)
        elif self._ends.get((cell, end.name)) is end:
            del self._ends[cell, end.name]
            cell.host.dispatcher.run(cell, cell.actor.on_link_down, end.name, reason)

    def _peer_down(self, cell: VirtualActor, end: _PeerEnd) -> None:
        del self._peers[cell, end.name]
        cell.routes.pop(end.name, None)
        cell.host.dispatcher.run(cell, cell.actor.on_peer_down, end.name)
        if end.name in cell.actor.peers:
            self.dial(cell, end.name, cell.host.spec.settings.redial_first_ns)

    # -- dialling

    def _dial(self, cell: VirtualActor, peer: str, wait_ns: int) -> None:
        if cell.state is not CellState.RUNNING or (cell, peer) in self._peers:
            return
        other = self._find(peer)
        if other is not None and (other, cell.name) not in self._peers:
            there_ns = self.weather.delay_ns(cell.host.name, other.host.name, self._agenda.now_ns, "")
            back_ns = self.weather.delay_ns(other.host.name, cell.host.name, self._agenda.now_ns, "")
            if isinstance(there_ns, int) and isinstance(back_ns, int):
                self._join(cell, other, there_ns, back_ns)
                return
        settings = cell.host.spec.settings
        self.dial(cell, peer, min(max(2 * wait_ns, settings.redial_first_ns), settings.redial_most_ns))

    def _join(self, cell: VirtualActor, other: VirtualActor, there_ns: int, back_ns: int) -> None:
        near, far = _PeerEnd(cell, other.name, self), _PeerEnd(other, cell.name, self)
        near.other, far.other = far, near
        self._peers[cell, other.name], self._peers[other, cell.name] = near, far
        now_ns = self._agenda.now_ns
        far.last_arrival_ns = now_ns + there_ns + back_ns
        other.host.at(now_ns + there_ns, partial(self._peer_up, far))
        cell.host.at(far.last_arrival_ns, partial(self._peer_up, near))

    def _peer_up(self, end: _PeerEnd) -> None:
        if not end.is_closed and self._peers.get((end.cell, end.name)) is end:
            end.is_up = True
            end.cell.routes[end.name] = end
            end.cell.host.dispatcher.run(end.cell, end.cell.actor.on_peer_up, end.name)

    def _find(self, name: str) -> VirtualActor | None:
        for host in self._hosts.values():
            cell = host.actors.get(name)
            if cell is not None and cell.state is CellState.RUNNING:
                return cell
        return None


def _place(endpoint: Endpoint) -> tuple[str, int]:
    return ("localhost" if endpoint.host in _LOOPBACK else endpoint.host, endpoint.port)
