"""People's way to an actor: over its socket, with and without an event loop."""

import asyncio
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from runtime_probe import Probe, note
from runtime_worlds import OneHostWorld

from actors.runtime.observer import BlockingObserver, Observer
from actors.runtime.spec import HostSettings
from engine.errors import UsageError
from engine.messages import Message, StatusReport, StatusRequest


def talk(probe: Probe, sender: str, message: Message) -> None:
    if isinstance(message, StatusRequest) and message.nonce == 99:
        for number in range(3):
            probe.ctx.send(sender, note(number))


@pytest.fixture
def world(settings: HostSettings) -> Iterator[OneHostWorld]:
    made = OneHostWorld(settings)
    made.start(a=lambda: Probe(on={"message": talk}), mute=lambda: Probe())
    yield made
    made.stop()


def in_thread(world: OneHostWorld, work: Any) -> Any:
    """Run blocking work beside the loop."""
    with ThreadPoolExecutor(1) as executor:
        return world.runner.run(_in_thread(executor, work))


async def _in_thread(executor: ThreadPoolExecutor, work: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(executor, work)


def test_an_observer_is_a_peer_of_its_own_name(world: OneHostWorld) -> None:
    async def ask() -> tuple[str, StatusReport]:
        async with await Observer.connect(world.settings.run_dir, "a") as observer:
            return observer.name, await observer.request(StatusRequest(7), StatusReport)

    name, report = world.runner.run(ask())
    assert report.nonce == 7
    assert name.startswith(f"observer-{os.getpid()}-")
    world.until(lambda: bool(world["a"].seen("peer_down")))
    assert world["a"].seen("peer_up") == [(name,)]


def test_an_observer_gets_the_stream_of_messages(world: OneHostWorld) -> None:
    async def stream() -> list[Message]:
        got: list[Message] = []
        async with await Observer.connect(world.settings.run_dir, "a") as observer:
            await observer.send(StatusRequest(99))
            async for message in observer:
                got.append(message)
                if len(got) == 4:
                    break
        return got

    assert world.runner.run(stream())[1:] == [note(0), note(1), note(2)]


def test_the_stream_ends_with_the_actor(world: OneHostWorld) -> None:
    async def stream() -> list[Message]:
        async with await Observer.connect(world.settings.run_dir, "a") as observer:
            await world._runtime.host.stop_actor("a")
            return [message async for message in observer]

    assert world.runner.run(stream()) == []


def test_the_blocking_observer_needs_no_loop(world: OneHostWorld) -> None:
    def ask() -> tuple[int, list[Message]]:
        with BlockingObserver(world.settings.run_dir, "a") as observer:
            report = observer.request(StatusRequest(99), StatusReport)
            return report.nonce, [observer.receive(5.0) for _ in range(3)]

    assert in_thread(world, ask) == (99, [note(0), note(1), note(2)])


def test_what_cannot_wait_for_the_handshake_is_sent_with_it(world: OneHostWorld) -> None:
    def ask() -> int:
        with BlockingObserver(world.settings.run_dir, "a", first=StatusRequest(98)) as observer:
            answer = observer.receive(5.0)
            assert isinstance(answer, StatusReport)
            return answer.nonce

    assert in_thread(world, ask) == 98


def test_an_answer_that_does_not_come_is_a_timeout(world: OneHostWorld) -> None:
    def ask() -> None:
        with BlockingObserver(world.settings.run_dir, "a") as observer:
            observer.receive(0.01)

    with pytest.raises(TimeoutError):
        in_thread(world, ask)


def test_an_actor_that_does_not_run_is_named(world: OneHostWorld) -> None:
    with pytest.raises(UsageError, match="no actor 'nobody' runs"):
        BlockingObserver(world.settings.run_dir, "nobody")
    with pytest.raises(UsageError, match="no actor 'nobody' runs"):
        world.runner.run(Observer.connect(world.settings.run_dir, "nobody"))


def test_only_the_user_may_reach_an_actor(world: OneHostWorld) -> None:
    run_dir = world.settings.run_dir
    assert stat.S_IMODE(os.stat(run_dir).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(f"{run_dir}/sockets/a.sock").st_mode) == 0o600
