"""What a runtime is asked to host: actors by import path, their resources, and the bounds of their host.

A spec is plain data, so that a Ray process on another machine can build the same actor from it.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.actor import Actor, CounterRecorder, Journal, Latch, LatencyRecorder
from engine.errors import UsageError

__all__ = ["OBSERVER_PREFIX", "ActorSpec", "HostSettings", "HostSpec", "Resources", "ResourcesFactory", "TcpSettings"]

#: Names that start so belong to people and scripts; no actor may take one.
OBSERVER_PREFIX = "observer-"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,47}")


def _nothing() -> None: ...


class _Unread:
    """Where the counters of an actor go that nobody asks for."""

    def publish(self, values: Mapping[str, int], wall_ns: int) -> None: ...


@dataclass(frozen=True)
class Resources:
    """What one actor owns on its host. ``close`` is called once, after the actor's ``on_stop``."""

    journal: Journal
    latch: Latch
    latency: LatencyRecorder
    close: Callable[[], None] = _nothing
    counters: CounterRecorder = field(default_factory=_Unread)


#: ``(actor name, arguments) -> Resources``; called in the process that hosts the actor, before it is built.
ResourcesFactory = Callable[[str, bytes], Resources]


class TcpSettings(msgspec.Struct, frozen=True):
    """Listening for peers on other hosts: mutual TLS, always. The files are PEM (``actors/runtime/tls.py``)."""

    host: str
    ca_file: str
    certificate_file: str
    key_file: str


class HostSettings(msgspec.Struct, frozen=True):
    """Bounds and places of one host. ``run_dir`` is made with mode 0700 and holds the peers' sockets."""

    run_dir: str
    config_hash: str
    #: Seed of ``Context.random_below``; the actor's name is mixed in.
    seed: int
    #: JSON lines go here; empty: to stderr.
    log_file: str = ""
    log_lines_per_second: int = 200
    #: Messages that may wait between co-hosted actors within one callback.
    mailbox_messages: int = 65_536
    #: A longer frame from a peer drops the link.
    frame_bytes: int = 1 << 22
    #: Bytes that may wait in user space for one peer; beyond, ``send`` refuses.
    peer_buffer_bytes: int = 1 << 22
    #: Bytes that may wait in user space on one outside link; beyond, the link is dropped.
    link_buffer_bytes: int = 1 << 24
    #: Connections that one listening socket holds at a time; more are closed at once.
    connections: int = 1024
    connect_timeout_ns: int = 5_000_000_000
    handshake_timeout_ns: int = 5_000_000_000
    redial_first_ns: int = 10_000_000
    redial_most_ns: int = 1_000_000_000
    #: Garbage collection only from a timer, off the path. Process-wide, so not for an embedding program.
    tune_gc: bool = False
    #: Journals are forced to the disk this often, beside the loop; 0: never.
    sync_every_ns: int = 0
    #: The cores that the loop's thread may run on; none: any. Not for an embedding program.
    cores: tuple[int, ...] = ()
    #: Poll the sockets without ever going to sleep: waking up is most of a tick's way. Takes a core.
    spin: bool = False
    #: The loop's thread comes before every other that is not urgent, where that is permitted. Not for an embedding
    #: program.
    urgent: bool = False
    #: Certificate of ``Context.listen`` with TLS; empty: none, and such a listen is a UsageError.
    certificate_file: str = ""
    key_file: str = ""
    tcp: TcpSettings | None = None


@dataclass(frozen=True)
class ActorSpec:
    """One actor. ``factory`` is ``package.module:callable`` (or, within one process, the callable itself) and takes
    ``arguments``."""

    name: str
    factory: str | Callable[[bytes], Actor]
    arguments: bytes = b""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name.startswith(OBSERVER_PREFIX):
            raise UsageError(
                f"actor name {self.name!r}: use 1 to 48 letters, digits, '_', '-' or '.', not starting with "
                f"{OBSERVER_PREFIX!r}"
            )

    def build(self) -> Actor:
        """Import the factory and call it. Raises UsageError when it cannot be found or makes no Actor."""
        actor = resolve(self.factory, f"actor {self.name}")(self.arguments)
        if not isinstance(actor, Actor):
            raise UsageError(f"actor {self.name}: factory {self.factory!r} made a {type(actor).__name__}, not an Actor")
        return actor


@dataclass(frozen=True)
class HostSpec:
    """One process: its actors share a loop, and messages between them take no socket."""

    name: str
    actors: tuple[ActorSpec, ...]
    resources: str | ResourcesFactory
    settings: HostSettings
    resources_arguments: bytes = b""
    #: Logical processors for placement; the default lets many hosts share a small machine.
    cpus: float = field(default=0.01)

    def build(self, spec: ActorSpec) -> tuple[Actor, Resources]:
        """Open what the actor owns, then build it. Raises UsageError when a factory is missing or makes nonsense."""
        resources = resolve(self.resources, f"resources of {spec.name}")(spec.name, self.resources_arguments)
        if not isinstance(resources, Resources):
            raise UsageError(f"resources of {spec.name}: {self.resources!r} made a {type(resources).__name__}")
        try:
            return spec.build(), resources
        except BaseException:
            resources.close()
            raise


def resolve(target: str | Callable[..., Any], what: str) -> Callable[..., Any]:
    """Turn ``package.module:callable`` into the callable. Raises UsageError naming what is missing."""
    if not isinstance(target, str):
        return target
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise UsageError(f"{what}: {target!r} is not of the form 'package.module:callable'")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{what}: cannot import {target!r}: {error}") from error
    if not callable(found):
        raise UsageError(f"{what}: {target!r} is not callable")
    return found  # type: ignore[no-any-return]
