"""Who is asking: JSON Web Tokens, verified as the venue documents them.

A token names its key (``kid``, ``sub``), holds for at most two minutes (``nbf`` to ``exp``), carries a nonce that has
not been seen before, and, for REST, is bound to one method and path (``uri``: without scheme and query). It is signed
with ES256 (r and s, 64 bytes) or EdDSA, by the kind of the key.
"""

import base64
import binascii
from collections import deque
from collections.abc import Iterable, Mapping

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.simulator.coinbase.errors import permission_denied, unauthorized
from adapters.simulator.coinbase.settings import SimKey, VenueOptions
from engine.errors import UsageError
from engine.instrument import NANOS

__all__ = ["Credential", "KeyRing"]

_ED25519_BYTES, _POINT_BYTES, _SIGNATURE_BYTES = 32, 65, 64
_NONCE_MAX = 256
_ISSUER = "cdp"

_decode = msgspec.json.Decoder().decode


class Credential:
    """One API key of one account."""

    def __init__(self, key: SimKey, account: str) -> None:
        self.name, self.account = key.name, account
        self.permissions = frozenset(key.permissions)
        self._ed25519: Ed25519PublicKey | None = None
        self._p256: ec.EllipticCurvePublicKey | None = None
        try:
            if len(key.public_key) == _ED25519_BYTES:
                self._ed25519 = Ed25519PublicKey.from_public_bytes(key.public_key)
            elif len(key.public_key) == _POINT_BYTES:
                self._p256 = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public_key)
        except ValueError:
            pass
        if not key.name or (self._ed25519 is None and self._p256 is None):
            raise UsageError(
                f"account {account}: API key {key.name!r} needs a public key, 32 bytes of Ed25519 or a point of P-256"
            )

    @property
    def algorithm(self) -> str:
        return "EdDSA" if self._ed25519 is not None else "ES256"

    def permit(self, permission: str) -> None:
        """Raises HttpError unless the key has this permission."""
        if permission not in self.permissions:
            raise permission_denied()

    def signed(self, signature: bytes, text: bytes) -> bool:
        """Whether this key made the signature."""
        if len(signature) != _SIGNATURE_BYTES:
            return False
        try:
            if self._ed25519 is not None:
                self._ed25519.verify(signature, text)
            elif self._p256 is not None:
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                self._p256.verify(encode_dss_signature(r, s), text, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


class _Nonces:
    """Those of tokens that may still hold: a token cannot be used a second time."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._ends: deque[tuple[int, tuple[str, str]]] = deque()

    def take(self, key: str, nonce: str, until_s: int, now_s: int) -> bool:
        while self._ends and self._ends[0][0] < now_s:
            self._seen.discard(self._ends.popleft()[1])
        if (key, nonce) in self._seen:
            return False
        self._seen.add((key, nonce))
        self._ends.append((until_s, (key, nonce)))
        return True


class KeyRing:
    """Every key that the venue knows."""

    def __init__(self, keys: Iterable[tuple[str, SimKey]], options: VenueOptions) -> None:
        self._options = options
        self._credentials: dict[str, Credential] = {}
        self._revoked: dict[str, Credential] = {}
        self._nonces = _Nonces()
        for account, key in keys:
            if key.name in self._credentials:
                raise UsageError(f"API key {key.name} is given twice")
            self._credentials[key.name] = Credential(key, account)

    def rest(self, authorization: str, method: str, path: str, wall_ns: int) -> Credential:
        """The key behind a request. Raises HttpError."""
        kind, _, token = authorization.partition(" ")
        if kind != "Bearer":
            raise unauthorized()
        return self._verify(token, f"{method} {self._options.host}{path}", wall_ns)

    def websocket(self, token: object, wall_ns: int) -> Credential:
        """The key behind a subscription, whose token is bound to nothing. Raises HttpError."""
        return self._verify(token if isinstance(token, str) else "", None, wall_ns)

    def revoke(self, name: str) -> None:
        """Forget a key, as when its owner deletes it."""
        if (credential := self._credentials.pop(name, None)) is not None:
            self._revoked[name] = credential

    def names(self) -> list[str]:
        """The API keys that are known now."""
        return list(self._credentials)

    def revoked(self) -> list[str]:
        return list(self._revoked)

    def restore(self, name: str) -> None:
        if (credential := self._revoked.pop(name, None)) is not None:
            self._credentials[name] = credential

    # -- tokens -------------------------------------------------------------------------------------------------

    def _verify(self, token: str, uri: str | None, wall_ns: int) -> Credential:
        parts = token.split(".")
        if len(parts) != 3:
            raise unauthorized()
        head, claims, signature = _read(parts[0]), _read(parts[1]), _decoded(parts[2])
        credential = self._credentials.get(str(head.get("kid")))
        nonce = head.get("nonce")
        if (
            credential is None
            or signature is None
            or head.get("alg") != credential.algorithm
            or not isinstance(nonce, str)
            or not 0 < len(nonce) <= _NONCE_MAX
            or not credential.signed(signature, f"{parts[0]}.{parts[1]}".encode())
            or claims.get("sub") != credential.name
            or claims.get("iss") != _ISSUER
            or claims.get("uri") != uri
        ):
            raise unauthorized()
        self._check_time(claims, credential, nonce, wall_ns)
        return credential

    def _check_time(self, claims: Mapping[str, object], credential: Credential, nonce: str, wall_ns: int) -> None:
        now_s, leeway_s = wall_ns // NANOS, self._options.clock_leeway_s
        begin_s, end_s = claims.get("nbf"), claims.get("exp")
        if type(begin_s) is not int or type(end_s) is not int:
            raise unauthorized()
        holds = begin_s <= now_s + leeway_s and now_s < end_s <= begin_s + self._options.token_life_s
        if not holds or not self._nonces.take(credential.name, nonce, end_s, now_s):
            raise unauthorized()


def _decoded(text: str) -> bytes | None:
    """Base64url without padding; None for what it is not."""
    if not text.isascii() or "=" in text or "+" in text or "/" in text:
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def _read(text: str) -> Mapping[str, object]:
    raw = _decoded(text)
    try:
        decoded = _decode(raw) if raw is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        decoded = None
    return decoded if isinstance(decoded, dict) else {}
