"""Tokens against the vectors of the fact sheet, made with the official kit's test keys."""

import base64
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.coinbase.signing import Credentials, TokenMaker, make_signer
from engine.errors import UsageError

NAME = "organizations/test-organization/apiKeys/test-api-key"
EC_PEM = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIKwf3Uox30cRWzRBOPoPOH5p0Gpb0Dt8zUKXUEM5fMkGoAoGCCqGSM49
AwEHoUQDQgAEbAtpLlSZYVOwYICz+uEyxcS29vRIujiES/gQ1DC7FV4zK4JuYE9v
qDyGZQYjdXHLM7I6f/QnnOITL+dXYWBHRA==
-----END EC PRIVATE KEY-----
"""
ED_PAIR = "k0BUni0p0vZG1BdpVjS6ogBJ7kxm630AJ2dN+tuputDOKsRAwgyrpEQLeBtS1znTmzPX6Xr2eOWpzx6nW8knkA=="
ED_SEED = "k0BUni0p0vZG1BdpVjS6ogBJ7kxm630AJ2dN+tuputA="
ED_DER = "MC4CAQAwBQYDK2VwBCIEIJNAVJ4tKdL2RtQXaVY0uqIASe5MZut9ACdnTfrbqbrQ"
ED_PUBLIC = "ce2ac440c20caba4440b781b52d739d39b33d7e97af678e5a9cf1ea75bc92790"
NONCE = 0x00112233445566778899AABBCCDDEEFF
REST_EDDSA = "VKxvz0b5LzwhWX-Fz9sB1un4A3tuMxE5h_BbeY_tyyiZjwfoH7TDfKQYpucjbLrQcAjvRpEL1hXPGIS0SB3YAA"
SOCKET_EDDSA = "loRlsE9Nxjitd6W4MzwGyPoFMZGVdgR6lfquZdzuth30OuwBjIKI6ZrExlgf860l0Kb42aWZFNB9W_NaE78CAQ"
REST_ES256 = "snqvr1R6HvDlABvj4sxW2cOHGtn70rnWK9Y1oQ7ijVfDIfNsaUKx0LzhcSfbEKxdsuCMbrL_NP1ss_YE-uHGGw"


def maker(secret: str) -> TokenMaker:
    return TokenMaker(make_signer(Credentials(NAME, secret)), "api.coinbase.com", 120, lambda bound: NONCE)


def decoded(part: str) -> Any:
    return msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize(
    "secret", [ED_PAIR, ED_SEED, ED_DER, f"-----BEGIN PRIVATE KEY-----\\n{ED_DER}\\n-----END PRIVATE KEY-----"]
)
def test_an_ed25519_key_in_every_form_makes_the_vectors(secret: str) -> None:
    rest = maker(secret).rest("GET", "/api/v3/brokerage/accounts", 1_700_000_000)
    assert rest.split(".")[2] == REST_EDDSA
    assert maker(secret).websocket(1_700_000_000).split(".")[2] == SOCKET_EDDSA


@pytest.mark.parametrize("secret", [EC_PEM, EC_PEM.replace("\n", "\\n")])
def test_a_p256_key_makes_the_vector(secret: str) -> None:
    token = maker(secret).rest("POST", "/api/v3/brokerage/orders", 1_700_000_000)
    assert token.split(".")[2] == REST_ES256


def test_a_token_says_who_when_and_what_for() -> None:
    head, body, signature = maker(EC_PEM).rest("POST", "/api/v3/brokerage/orders", 1_700_000_000).split(".")
    assert decoded(head) == {"alg": "ES256", "kid": NAME, "nonce": f"{NONCE:032x}", "typ": "JWT"}
    uri = "POST api.coinbase.com/api/v3/brokerage/orders"
    assert decoded(body) == {"sub": NAME, "iss": "cdp", "nbf": 1_700_000_000, "exp": 1_700_000_120, "uri": uri}
    assert len(base64.urlsafe_b64decode(signature + "==")) == 64
    assert "uri" not in decoded(maker(ED_SEED).websocket(1).split(".")[1])


def test_a_signature_verifies_against_the_public_key() -> None:
    text, _, signature = maker(ED_SEED).websocket(1_700_000_000).rpartition(".")
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(ED_PUBLIC))
    key.verify(base64.urlsafe_b64decode(signature + "=="), text.encode())


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "nonsense",
        "AAAA",
        ED_PAIR[:-4] + "AAA=",
        EC_PEM[:60],
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
    ],
)
def test_a_secret_that_is_no_key_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_signer(Credentials(NAME, secret))
    assert not secret or secret not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_key_name_must_be_one_word_and_the_secret_is_in_no_repr() -> None:
    with pytest.raises(UsageError):
        make_signer(Credentials("two words", ED_SEED))
    assert ED_SEED not in repr(Credentials(NAME, ED_SEED))
