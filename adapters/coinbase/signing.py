"""JSON Web Tokens: what Coinbase takes for a signature.

A token says who asks (``sub``), from when to when it holds, and for REST which method and path it is for (``uri``: the
host as the venue knows itself, without the query). It does not say what is in the body. ES256 signatures are made by
RFC 6979, so the same text gives the same token and a simulation the same bytes.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Protocol

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from engine.errors import UsageError

__all__ = ["Credentials", "Signer", "TokenMaker", "make_signer"]

_ISSUER = "cdp"
_NONCE_BITS = 128
_ES256 = ec.ECDSA(SHA256(), deterministic_signing=True)


class Credentials:
    """A key's name (``organizations/…/apiKeys/…``) and its secret: an EC P-256 key or an Ed25519 one as PEM, or an
    Ed25519 one as base64 (32 bytes of seed, 64 of seed and public key, or PKCS8). Line ends may be written as ``\\n``.

    The secret is in no repr, and nothing of this class can be encoded into a message.
    """

    __slots__ = ("key_name", "secret")

    def __init__(self, key_name: str, secret: str) -> None:
        self.key_name, self.secret = key_name, secret

    def __repr__(self) -> str:
        return f"Credentials({self.key_name[:16]}…)"


class Signer(Protocol):
    key_name: str
    #: JWS algorithm: ES256 or EdDSA.
    algorithm: str

    def sign(self, text: bytes) -> bytes:
        """64 bytes."""
        ...


class _Es256Signer:
    algorithm = "ES256"

    def __init__(self, key_name: str, key: ec.EllipticCurvePrivateKey) -> None:
        self.key_name, self._key = key_name, key

    def sign(self, text: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(text, _ES256))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class _Ed25519Signer:
    algorithm = "EdDSA"

    def __init__(self, key_name: str, key: Ed25519PrivateKey) -> None:
        self.key_name, self._key = key_name, key

    def sign(self, text: bytes) -> bytes:
        return self._key.sign(text)


def make_signer(credentials: Credentials) -> Signer:
    """Raises UsageError when the key's name or the secret cannot be used."""
    name = credentials.key_name
    if not name or not credentials.secret:
        raise UsageError("credentials: the key's name and its secret must not be empty")
    if not (name.isascii() and name.isprintable()) or " " in name:
        raise UsageError("credentials: the key's name is printable ASCII without blanks; is it untrimmed?")
    key = _load(credentials.secret)
    if isinstance(key, Ed25519PrivateKey):
        return _Ed25519Signer(name, key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return _Es256Signer(name, key)
    raise UsageError("credentials: the private key is of another kind; EC P-256 or Ed25519 is needed")


def _load(secret: str) -> object:
    text = secret.strip().replace("\\n", "\n")
    try:
        if text.startswith("-----BEGIN"):
            return load_pem_private_key(text.encode(), password=None)
        raw = base64.b64decode(text, validate=True)
        if len(raw) == 64:
            return _checked_pair(raw)
        return Ed25519PrivateKey.from_private_bytes(raw) if len(raw) == 32 else load_der_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        # ``from None``: the text of the cause could quote the secret
        raise UsageError("credentials: the secret is no unencrypted private key, as PEM or as base64") from None


def _checked_pair(raw: bytes) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.from_private_bytes(raw[:32])
    if key.public_key().public_bytes_raw() != raw[32:]:
        raise ValueError("the two halves do not belong together")
    return key


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


class TokenMaker:
    """Makes tokens. ``random_below`` gives the nonces; ``host`` is what the venue calls itself."""

    def __init__(self, signer: Signer, host: str, life_s: int, random_below: Callable[[int], int]) -> None:
        self._signer, self._host, self._life_s, self._random_below = signer, host, life_s, random_below

    def rest(self, method: str, path: str, now_s: int) -> str:
        """For one request. ``path`` is without its query; ``now_s`` the venue's time."""
        return self.token(f"{method} {self._host}{path}", now_s)

    def websocket(self, now_s: int) -> str:
        """For one subscription."""
        return self.token("", now_s)

    def token(self, uri: str, now_s: int, nonce: str = "") -> str:
        signer = self._signer
        head = {
            "alg": signer.algorithm,
            "kid": signer.key_name,
            "nonce": nonce or f"{self._random_below(1 << _NONCE_BITS):032x}",
            "typ": "JWT",
        }
        body: dict[str, str | int] = {
            "sub": signer.key_name,
            "iss": _ISSUER,
            "nbf": now_s,
            "exp": now_s + self._life_s,
        }
        if uri:
            body["uri"] = uri
        text = _encoded(msgspec.json.encode(head)) + b"." + _encoded(msgspec.json.encode(body))
        return (text + b"." + _encoded(signer.sign(text))).decode()
