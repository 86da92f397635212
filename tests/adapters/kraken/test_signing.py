"""Signatures equal the venue's published vectors; nonces only grow."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kraken.signing import Credentials, Nonces, Signer
from engine.errors import UsageError

DOCS_SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
VECTORS = [
    (
        DOCS_SECRET,
        "/0/private/AddOrder",
        "1616492376594",
        b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
    ),
    (
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        "/0/private/Balance",
        "1700000000000000000",
        b"nonce=1700000000000000000",
        "6i7+cpXVLDDnDOekgsRcgFQhkYFyPDSSxhSVA8OrA6vjziXcy2K1DP3n7f9B/Kgni71WjBSQusZKxduRsdF20Q==",
    ),
]


@pytest.mark.parametrize(("secret", "path", "nonce", "body", "signature"), VECTORS)
def test_published_vectors(secret: str, path: str, nonce: str, body: bytes, signature: str) -> None:
    signer = Signer(Credentials("key", secret))
    assert signer.sign(path, nonce, body) == signature
    assert signer.sign(path, nonce, body) == signature  # the keyed state is not used up


def test_another_body_has_another_signature() -> None:
    signer = Signer(Credentials("key", DOCS_SECRET))
    assert signer.sign("/0/private/Balance", "1", b"nonce=1") != signer.sign("/0/private/Balance", "1", b"nonce=2")


@pytest.mark.parametrize(
    ("key", "secret"), [("", DOCS_SECRET), ("key", ""), ("key", "not base64!"), ("a b", DOCS_SECRET)]
)
def test_credentials_that_cannot_be_used(key: str, secret: str) -> None:
    with pytest.raises(UsageError) as error:
        Signer(Credentials(key, secret))
    assert not secret or secret not in str(error.value)


def test_the_secret_is_in_no_repr() -> None:
    assert DOCS_SECRET not in repr(Credentials("key12345", DOCS_SECRET))


@given(st.lists(st.integers(0, 2**62), min_size=2))
def test_nonces_grow_whatever_the_clock_does(readings: list[int]) -> None:
    nonces = Nonces()
    given_out = [nonces.next(each) for each in readings]
    assert all(before < after for before, after in itertools.pairwise(given_out))
    assert all(nonce >= reading for nonce, reading in zip(given_out, readings, strict=True))
