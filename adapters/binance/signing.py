"""Request signatures: HMAC-SHA256 and Ed25519, over REST queries and over WebSocket API parameters.

REST       payload = query string as it is sent: percent-encoded, in sending order; the signature goes last
WebSocket  payload = all parameters sorted by name, ``k=v`` joined by ``&``, not percent-encoded
HMAC       hex; Ed25519: base64 (percent-encoded once more where it goes into a URL)
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Protocol
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from engine.errors import UsageError

__all__ = [
    "Credentials",
    "Ed25519Signer",
    "HmacSigner",
    "KeyType",
    "Signer",
    "make_signer",
    "query_string",
    "signed_query",
    "websocket_payload",
]


class KeyType(Enum):
    HMAC = "hmac"
    ED25519 = "ed25519"


class Credentials:
    """An API key and its secret: for HMAC the secret text, for Ed25519 a PKCS8 key as PEM or as base64 DER.

    The secret is in no repr, and nothing of this class can be encoded into a message.
    """

    __slots__ = ("api_key", "key_type", "secret")

    def __init__(self, api_key: str, key_type: KeyType, secret: str) -> None:
        self.api_key, self.key_type, self.secret = api_key, key_type, secret

    def __repr__(self) -> str:
        return f"Credentials({self.api_key[:4]}…, {self.key_type.value})"


class Signer(Protocol):
    api_key: str
    #: Whether the venue lets this kind of key log a WebSocket API session on, so that requests need no signature.
    can_log_on: bool

    def sign(self, payload: bytes) -> str:
        """The signature as the venue writes it, not percent-encoded."""
        ...


class HmacSigner:
    """Keeps the keyed state and copies it for every signature, which saves hashing the key each time."""

    can_log_on = False

    def __init__(self, api_key: str, secret: str) -> None:
        self.api_key = api_key
        self._keyed = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def sign(self, payload: bytes) -> str:
        state = self._keyed.copy()
        state.update(payload)
        return state.hexdigest()


class Ed25519Signer:
    can_log_on = True

    def __init__(self, api_key: str, secret: str) -> None:
        self.api_key = api_key
        self._key = _load_ed25519(secret)

    def sign(self, payload: bytes) -> str:
        return base64.b64encode(self._key.sign(payload)).decode()


def _load_ed25519(secret: str) -> Ed25519PrivateKey:
    try:
        if secret.lstrip().startswith("-----BEGIN"):
            key = load_pem_private_key(secret.encode(), password=None)
        else:
            key = load_der_private_key(base64.b64decode(secret.strip(), validate=True), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        # ``from None``: the text of the cause could quote the secret
        raise UsageError("Ed25519 secret: not an unencrypted PKCS8 private key, as PEM or as base64 DER") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("Ed25519 secret: the private key is of another kind")
    return key


def make_signer(credentials: Credentials) -> Signer:
    """Raises UsageError when the key or the secret cannot be used."""
    if not credentials.api_key or not credentials.secret:
        raise UsageError("credentials: the API key and its secret must not be empty")
    if not (credentials.api_key.isascii() and credentials.api_key.isalnum()):
        raise UsageError("credentials: the API key must be ASCII letters and digits; is it the key, and untrimmed?")
    if credentials.key_type is KeyType.HMAC:
        return HmacSigner(credentials.api_key, credentials.secret)
    return Ed25519Signer(credentials.api_key, credentials.secret)


def query_string(params: Iterable[tuple[str, str | int]]) -> str:
    """``k=v&k=v``, percent-encoded UTF-8, in the given order."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in params)


def signed_query(signer: Signer, params: Iterable[tuple[str, str | int]]) -> str:
    """The query with its signature as the last parameter."""
    query = query_string(params)
    return f"{query}&signature={quote(signer.sign(query.encode()), safe='')}"


def websocket_payload(params: Mapping[str, str | int]) -> bytes:
    """What is signed of a WebSocket API request's parameters (without ``signature``)."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params)).encode()
