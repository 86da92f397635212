"""Leases under every delay, loss, reordering and duplication."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.messages import LeaseGrant, LeaseRefusal, LeaseRequest
from risk.lease import FOREVER_NS, LeaseGrantor, LeaseHolder


def holder(renew_ns: int = 20) -> LeaseHolder:
    return LeaseHolder("v", "hash", renew_ns)


def grantor(epoch: int = 1, duration_ns: int = 100, until_ns: int = FOREVER_NS) -> LeaseGrantor:
    made = LeaseGrantor(epoch, "hash", duration_ns)
    made.authorize(until_ns)
    return made


# -- the holder ---------------------------------------------------------------------------------------------------


def test_a_holder_starts_without_a_lease_and_asks_at_once() -> None:
    made = holder()
    assert (made.due_ns, made.epoch, made.is_live(0)) == (0, 0, False)
    assert made.request(1_000, 3) == LeaseRequest("v", 1_000, 0, 3, "hash")
    assert made.due_ns == 1_020


def test_the_lease_runs_from_the_request_not_from_the_grant() -> None:
    made = holder()
    made.request(1_000, 0)
    assert made.on_grant(LeaseGrant(1, 1_000, 100))
    assert made.is_live(1_099)
    assert not made.is_live(1_100)
    assert made.request(1_020, 0).epoch == 1


@pytest.mark.parametrize(
    "grant",
    [
        LeaseGrant(1, 999, 100),
        LeaseGrant(1, 1_001, 10**9),
        LeaseGrant(0, 1_000, 100),
        LeaseGrant(-1, 1_000, 100),
        LeaseGrant(1, 1_000, 0),
        LeaseGrant(1, 1_000, -5),
    ],
)
def test_a_grant_for_no_request_of_ours_or_without_meaning_is_ignored(grant: LeaseGrant) -> None:
    made = holder()
    made.request(1_000, 0)
    assert not made.on_grant(grant)
    assert (made.expires_ns, made.ignored) == (0, 1)


def test_a_duplicate_and_a_late_grant_change_nothing() -> None:
    made = holder()
    made.request(1_000, 0)
    made.request(1_020, 0)
    assert made.on_grant(LeaseGrant(1, 1_020, 100))
    assert not made.on_grant(LeaseGrant(1, 1_020, 100))
    assert not made.on_grant(LeaseGrant(1, 1_000, 500))
    assert made.expires_ns == 1_120


def test_a_newer_epoch_replaces_the_lease_even_when_it_ends_sooner() -> None:
    made = holder()
    for sent_ns in (1_000, 1_020, 1_040):
        made.request(sent_ns, 0)
    made.on_grant(LeaseGrant(1, 1_000, 1_000))
    assert made.on_grant(LeaseGrant(2, 1_020, 10))
    assert made.expires_ns == 1_030
    assert not made.on_grant(LeaseGrant(1, 1_040, 1_000))
    assert (made.epoch, made.expires_ns) == (2, 1_030)


def test_a_refusal_ends_the_lease_at_once() -> None:
    made = holder()
    made.request(1_000, 0)
    made.on_grant(LeaseGrant(1, 1_000, 100))
    made.request(1_020, 0)
    assert made.on_refusal(LeaseRefusal(1, 1_020, "no"))
    assert not made.is_live(1_021)
    made.request(1_040, 0)
    assert not made.on_refusal(LeaseRefusal(1, 1_040, "no"))


def test_a_refusal_of_an_older_request_than_the_one_granted_is_late() -> None:
    made = holder()
    made.request(1_000, 0)
    made.request(1_020, 0)
    made.on_grant(LeaseGrant(1, 1_020, 100))
    assert not made.on_refusal(LeaseRefusal(1, 1_000, "no"))
    assert made.is_live(1_100)


def test_a_refusal_of_an_older_epoch_is_ignored_and_one_of_a_newer_ends_the_lease() -> None:
    made = holder()
    for sent_ns in (1_000, 1_020, 1_040):
        made.request(sent_ns, 0)
    made.on_grant(LeaseGrant(2, 1_000, 1_000))
    assert not made.on_refusal(LeaseRefusal(1, 1_020, "I am old"))
    assert made.is_live(1_100)
    assert made.on_refusal(LeaseRefusal(3, 1_040, "no authority"))
    assert (made.epoch, made.is_live(1_100)) == (3, False)


def test_only_the_last_requests_are_remembered() -> None:
    made = holder()
    for sent_ns in range(40):
        made.request(sent_ns, 0)
    assert not made.on_grant(LeaseGrant(1, 0, 10**9))
    assert made.on_grant(LeaseGrant(1, 39, 100))


# -- the grantor --------------------------------------------------------------------------------------------------


def test_a_grantor_without_authority_refuses() -> None:
    made = LeaseGrantor(1, "hash", 100)
    answer = made.on_request(LeaseRequest("v", 5, 0, 0, "hash"), 1_000)
    assert isinstance(answer, LeaseRefusal)
    assert "no authority" in answer.text
    made.authorize(2_000)
    assert made.on_request(LeaseRequest("v", 5, 0, 0, "hash"), 1_000) == LeaseGrant(1, 5, 100)
    made.withdraw()
    assert isinstance(made.on_request(LeaseRequest("v", 6, 0, 0, "hash"), 1_000), LeaseRefusal)


def test_a_grant_never_outlasts_the_grantors_own_authority() -> None:
    made = grantor(until_ns=1_030)
    assert made.on_request(LeaseRequest("v", 5, 0, 0, "hash"), 1_000) == LeaseGrant(1, 5, 30)
    assert isinstance(made.on_request(LeaseRequest("v", 5, 0, 0, "hash"), 1_030), LeaseRefusal)
    assert made.expires_by_ns("v") == 1_030
    assert made.expires_by_ns("w") == 0


def test_a_holder_of_another_configuration_is_refused_with_both_hashes() -> None:
    answer = grantor().on_request(LeaseRequest("v", 5, 0, 0, "other"), 0)
    assert isinstance(answer, LeaseRefusal)
    assert "'other'" in answer.text
    assert "'hash'" in answer.text


def test_a_holder_that_has_seen_a_newer_grantor_is_refused() -> None:
    answer = grantor(epoch=3).on_request(LeaseRequest("v", 5, 4, 0, "hash"), 0)
    assert isinstance(answer, LeaseRefusal)
    assert "epoch 4" in answer.text
    assert isinstance(grantor(epoch=3).on_request(LeaseRequest("v", 5, 3, 0, "hash"), 0), LeaseGrant)


def test_numbers_that_make_no_sense_are_refused() -> None:
    for make in (lambda: LeaseGrantor(0, "h", 1), lambda: LeaseGrantor(1, "h", 0), lambda: LeaseHolder("v", "h", 0)):
        with pytest.raises(UsageError):
            make()


# -- both, over a network that does what it likes -------------------------------------------------------------------


class Network:
    """A holder, a grantor that dies and comes back, and every message in flight, deliverable in any order, any number
    of times or never. The grantor's clock is the holder's plus an offset that neither knows."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.now_ns, self.offset_ns = 1_000, draw(st.integers(0, 10**6))
        self.holder, self.grantor = holder(), grantor(1, 100, 0)
        self.wire: list[LeaseRequest | LeaseGrant | LeaseRefusal] = []
        #: Ground truth: when, on the holder's clock, each epoch's rightful leases end, and the authority's own end.
        self.rightful: dict[int, int] = {}
        self.newest_epoch_heard = 0

    def grantor_now_ns(self) -> int:
        return self.now_ns + self.offset_ns

    def step(self) -> None:
        self.now_ns += self.draw(st.integers(0, 30))
        action = self.draw(
            st.sampled_from(["request", "deliver", "deliver", "deliver", "authorize", "restart", "withdraw"])
        )
        if action == "request":
            self.wire.append(self.holder.request(self.now_ns, 0))
        elif action == "deliver" and self.wire:
            index = self.draw(st.integers(0, len(self.wire) - 1))
            keep = self.draw(st.booleans())
            self.deliver(self.wire[index] if keep else self.wire.pop(index))
        elif action == "authorize":
            self.grantor.authorize(self.grantor_now_ns() + self.draw(st.integers(0, 200)))
        elif action == "withdraw":
            self.grantor.withdraw()
        elif action == "restart":
            self.grantor = grantor(self.grantor.epoch + 1, 100, self.grantor_now_ns() + 150)

    def deliver(self, message: LeaseRequest | LeaseGrant | LeaseRefusal) -> None:
        if isinstance(message, LeaseRequest):
            answer = self.grantor.on_request(message, self.grantor_now_ns())
            if isinstance(answer, LeaseGrant):
                end_ns = message.sent_ns + answer.duration_ns
                self.rightful[answer.epoch] = max(self.rightful.get(answer.epoch, 0), end_ns)
                assert end_ns + self.offset_ns <= self.grantor.expires_by_ns("v")
            self.wire.append(answer)
        elif isinstance(message, LeaseGrant):
            self.holder.on_grant(message)
        else:
            self.holder.on_refusal(message)
        self.newest_epoch_heard = max(self.newest_epoch_heard, self.holder.epoch)

    def check(self) -> None:
        assert self.holder.epoch == self.newest_epoch_heard
        assert self.holder.expires_ns <= self.rightful.get(self.holder.epoch, 0)
        if self.holder.is_live(self.now_ns):
            assert self.now_ns < self.rightful[self.holder.epoch]


@settings(deadline=None, max_examples=300)
@given(st.data(), st.integers(1, 80))
def test_the_holder_is_never_live_beyond_what_was_rightfully_granted(data: st.DataObject, steps: int) -> None:
    network = Network(data.draw)  # type: ignore[arg-type]  # DataObject.draw takes the same strategies
    for _ in range(steps):
        network.step()
        network.check()


@given(renewals=st.integers(1, 50), delay_ns=st.integers(0, 79))
def test_prompt_answers_keep_the_lease_live_without_a_gap(renewals: int, delay_ns: int) -> None:
    made, granting = holder(renew_ns=20), grantor()
    now_ns = 1_000
    pending: list[tuple[int, LeaseGrant]] = []
    for _ in range(renewals * 20):
        if now_ns >= made.due_ns:
            answer = granting.on_request(made.request(now_ns, 0), now_ns)
            assert isinstance(answer, LeaseGrant)
            pending.append((now_ns + delay_ns, answer))
        while pending and pending[0][0] <= now_ns:
            made.on_grant(pending.pop(0)[1])
        assert made.is_live(now_ns) or now_ns <= 1_000 + delay_ns
        now_ns += 1
    assert made.ignored == 0
