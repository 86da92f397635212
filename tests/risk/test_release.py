"""Release: two different people, each over this kill, both inside the window, after the cooling-off time."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.messages import KillApproval
from risk.release import ReleaseCase, ReleaseRules, approval_text

S = 1_000_000_000
WINDOW, COOLING = 600 * S, 60 * S
PRESSED = 1_000_000 * S
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"k")) for name in ("ann", "bea", "eve")}
BOUND = ("K1", "venue:a", "cancel")


def public(name: str) -> str:
    return KEYS[name].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


RULES = ReleaseRules({name: public(name) for name in ("ann", "bea")}, WINDOW, COOLING)


def approval(
    person: str, expires_ns: int, *, key: str = "", kill_id: str = "K1", scope: str = "venue:a", mode: str = "cancel"
) -> KillApproval:
    signature = KEYS[key or person].sign(approval_text(kill_id, scope, mode, expires_ns))
    return KillApproval(kill_id, person, expires_ns, signature.hex())


@pytest.fixture
def case() -> ReleaseCase:
    return ReleaseCase(RULES, *BOUND, PRESSED, 0)


LATER = PRESSED + COOLING


def give(case: ReleaseCase, person: str, wall_ns: int = LATER, at_ns: int = COOLING) -> None:
    given_ = approval(person, wall_ns + WINDOW)
    assert case.refusal(given_, wall_ns) == ""
    case.approve(given_, wall_ns, at_ns)


def test_two_people_release_and_one_does_not_however_often(case: ReleaseCase) -> None:
    for _ in range(5):
        give(case, "ann")
        assert case.missing(LATER, COOLING) == ("1 more approval(s) (of bea)",)
    give(case, "bea")
    assert case.missing(LATER, COOLING) == ()
    assert [each.person for each in case.approvers(LATER, COOLING)] == ["ann", "bea"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (approval("eve", LATER + S), "may not release"),
        (approval("ann", LATER + S, key="bea"), "not ann's"),
        (approval("ann", LATER + S, key="eve"), "not ann's"),
        (approval("ann", LATER + S, scope="global"), "not ann's"),
        (approval("ann", LATER + S, mode="halt"), "not ann's"),
        (approval("ann", LATER + S, kill_id="K2"), "for kill K2"),
        (KillApproval("K1", "ann", LATER + 2 * S, approval("ann", LATER + S).signature), "not ann's"),
        (KillApproval("K1", "ann", LATER + S, "zz"), "not ann's"),
        (KillApproval("K1", "ann", LATER + S, ""), "not ann's"),
        (approval("ann", LATER), "expired"),
        (approval("ann", LATER - S), "expired"),
        (approval("ann", LATER + WINDOW + 1), "release window of 600 s"),
    ],
)
def test_an_approval_that_does_not_count_says_why(case: ReleaseCase, wrong: KillApproval, says: str) -> None:
    assert says in case.refusal(wrong, LATER)


@given(st.binary(min_size=64, max_size=64))
def test_no_guessed_signature_counts(signature: bytes) -> None:
    case = ReleaseCase(RULES, *BOUND, PRESSED, 0)
    assert case.refusal(KillApproval("K1", "ann", LATER + S, signature.hex()), LATER)


def test_both_approvals_must_count_at_the_same_moment(case: ReleaseCase) -> None:
    give(case, "ann")
    late = LATER + WINDOW
    give(case, "bea", late, COOLING + WINDOW)
    assert case.missing(late, COOLING + WINDOW) == ("1 more approval(s) (of ann)",)
    give(case, "ann", late, COOLING + WINDOW)
    assert case.missing(late, COOLING + WINDOW) == ()


def test_a_wall_clock_set_back_makes_no_old_approval_count_again(case: ReleaseCase) -> None:
    give(case, "ann")
    give(case, "bea")
    assert len(case.missing(LATER - S, COOLING)) == 2, "seen in the future of that clock, and not cooled off"
    assert case.missing(LATER + S, COOLING + WINDOW) == ("2 more approval(s) (of ann, bea)",)


def test_a_wall_clock_set_forward_does_not_shorten_the_cooling_off(case: ReleaseCase) -> None:
    wall_ns = PRESSED + 10 * COOLING
    for person in ("ann", "bea"):
        give(case, person, wall_ns, 10 * S)
    assert case.missing(wall_ns, 10 * S) == ("50 s of the cooling-off time",)
    assert case.missing(wall_ns, COOLING) == ()


def test_after_a_restart_the_wall_clock_alone_counts() -> None:
    again = ReleaseCase(RULES, *BOUND, PRESSED)
    for person in ("ann", "bea"):
        again.approve(approval(person, LATER + WINDOW), LATER)
    assert again.missing(LATER, 3) == ()
    assert again.missing(PRESSED + S, 3)[-1].endswith("of the cooling-off time")


def test_somebody_taken_out_of_the_configuration_no_longer_counts() -> None:
    case = ReleaseCase(ReleaseRules({"ann": public("ann")}, WINDOW, 0), *BOUND, PRESSED)
    for person in ("ann", "bea"):
        case.approve(approval(person, LATER + WINDOW), LATER)
    assert case.missing(LATER, 0) == ("1 more approval(s), and the configuration names nobody else who may",)


def test_two_names_with_one_key_are_one_person() -> None:
    with pytest.raises(UsageError, match="same public key"):
        ReleaseRules({"ann": public("ann"), "anna": public("ann")}, WINDOW, 0).validate()
    RULES.validate()


MOVES = st.lists(
    st.tuples(st.sampled_from(["ann", "bea", "eve", "wait"]), st.integers(1, 900)), min_size=1, max_size=12
)


@given(MOVES)
@settings(deadline=None)
def test_nothing_is_missing_exactly_when_two_people_approved_within_the_window(moves: list[tuple[str, int]]) -> None:
    case, wall_ns = ReleaseCase(RULES, *BOUND, PRESSED, PRESSED), PRESSED
    until: dict[str, int] = {}
    for who, seconds in moves:
        if who == "wait":
            wall_ns += seconds * S
        else:
            given_ = approval(who, wall_ns + min(seconds, 600) * S)
            if not case.refusal(given_, wall_ns):
                case.approve(given_, wall_ns, wall_ns)
                until[who] = given_.expires_ns
        counting = {person for person, expires_ns in until.items() if wall_ns < expires_ns}
        free = counting == {"ann", "bea"} and wall_ns - PRESSED >= COOLING
        assert (case.missing(wall_ns, wall_ns) == ()) == free
