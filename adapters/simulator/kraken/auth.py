"""Who is asking: API keys, signatures over exactly what was sent, and nonces that only grow.

``API-Sign`` is base64(HMAC-SHA512(secret, path + SHA256(nonce + body))), as the venue's documentation gives it.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from adapters.simulator.kraken.errors import (
    DENIED,
    INVALID_KEY,
    INVALID_NONCE,
    INVALID_SIGNATURE,
    LOCKED_OUT,
    ApiError,
)
from adapters.simulator.kraken.settings import SimKey
from engine.errors import UsageError

__all__ = ["Credential", "KeyRing", "signature"]

_NONCE_MAX = 2**64 - 1


def signature(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """What ``API-Sign`` has to be."""
    inner = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.new(secret, path.encode() + inner, hashlib.sha512).digest()).decode()


class Credential:
    """One API key of one account and the nonces it has seen."""

    def __init__(self, key: SimKey, account: str) -> None:
        try:
            self._secret = base64.b64decode(key.secret, validate=True)
        except (binascii.Error, ValueError):
            self._secret = b""
        if not key.api_key or not self._secret:
            raise UsageError(f"account {account}: API key {key.api_key!r} needs a secret in base64")
        self.api_key = key.api_key
        self.account = account
        self.permissions = frozenset(key.permissions)
        self.nonce_window = key.nonce_window
        self.highest_nonce = -1
        self._recent: set[int] = set()

    def permit(self, *one_of: str) -> None:
        """Raises ApiError unless the key has one of these permissions."""
        if self.permissions.isdisjoint(one_of):
            raise ApiError(DENIED)

    def verify(self, path: str, nonce: str, body: bytes, sent: str) -> None:
        """Raises ApiError unless ``sent`` signs exactly this; the nonce is used up then, whatever follows."""
        if not hmac.compare_digest(signature(self._secret, path, nonce, body).encode(), sent.encode()):
            raise ApiError(INVALID_SIGNATURE)
        number = int(nonce) if nonce.isascii() and nonce.isdigit() else -1
        if not 0 <= number <= _NONCE_MAX or not self._is_fresh(number):
            raise ApiError(INVALID_NONCE)
        if self.nonce_window:
            self._recent.add(number)
            self._recent = {seen for seen in self._recent if seen > self.highest_nonce - self.nonce_window}
        self.highest_nonce = max(self.highest_nonce, number)

    def _is_fresh(self, number: int) -> bool:
        if number > self.highest_nonce:
            return True
        return number > self.highest_nonce - self.nonce_window and number not in self._recent


class KeyRing:
    """Every key that the venue knows. Too many wrong ones in a row lock everybody out for a while: the venue counts by
    address, and all clients here have the same."""

    def __init__(self, keys: Iterable[tuple[str, SimKey]], lockout_after: int, lockout_ns: int) -> None:
        self._credentials: dict[str, Credential] = {}
        for account, key in keys:
            if key.api_key in self._credentials:
                raise UsageError(f"API key {key.api_key} is given twice")
            self._credentials[key.api_key] = Credential(key, account)
        self._revoked: dict[str, Credential] = {}
        self._lockout_after, self._lockout_ns = lockout_after, lockout_ns
        self._failures = 0
        self._locked_until_ns = 0

    def authenticate(
        self, api_key: str | None, path: str, nonce: str | None, body: bytes, sent: str | None, now_ns: int
    ) -> Credential:
        """The key behind a private request. Raises ApiError."""
        if now_ns < self._locked_until_ns:
            raise ApiError(LOCKED_OUT)
        try:
            credential = self._credentials.get(api_key or "")
            if credential is None:
                raise ApiError(INVALID_KEY)
            if nonce is None:
                raise ApiError(INVALID_NONCE)
            credential.verify(path, nonce, body, sent or "")
        except ApiError as error:
            if error.text != INVALID_NONCE:
                self._failures += 1
            if self._failures >= self._lockout_after:
                self._failures, self._locked_until_ns = 0, now_ns + self._lockout_ns
            raise
        self._failures = 0
        return credential

    def knows(self, credential: Credential) -> bool:
        return self._credentials.get(credential.api_key) is credential

    def revoke(self, api_key: str) -> None:
        """Forget a key, as when its owner deletes it."""
        if (credential := self._credentials.pop(api_key, None)) is not None:
            self._revoked[api_key] = credential

    def names(self) -> list[str]:
        """The API keys that are known now."""
        return list(self._credentials)

    def revoked(self) -> list[str]:
        return list(self._revoked)

    def restore(self, api_key: str) -> None:
        if (credential := self._revoked.pop(api_key, None)) is not None:
            self._credentials[api_key] = credential
