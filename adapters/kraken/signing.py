"""Request signatures and nonces of the REST API.

inner     SHA256(nonce + body)
message   path + inner                 path from /0/private/ on, body exactly as it is sent
API-Sign  base64(HMAC-SHA512(base64decode(secret), message))
"""

import base64
import binascii
import hashlib
import hmac

from engine.errors import UsageError

__all__ = ["Credentials", "Nonces", "Signer"]


class Credentials:
    """An API key and its private key, which is base64 text.

    The secret is in no repr, and nothing of this class can be encoded into a message.
    """

    __slots__ = ("api_key", "secret")

    def __init__(self, api_key: str, secret: str) -> None:
        self.api_key, self.secret = api_key, secret

    def __repr__(self) -> str:
        return f"Credentials({self.api_key[:4]}…)"


class Signer:
    """Raises UsageError when the key or the secret cannot be used."""

    def __init__(self, credentials: Credentials) -> None:
        if not credentials.api_key or not credentials.secret:
            raise UsageError("credentials: the API key and its secret must not be empty")
        if not credentials.api_key.isascii() or not credentials.api_key.isprintable() or " " in credentials.api_key:
            raise UsageError("credentials: the API key must be printable ASCII without blanks; is it the key?")
        try:
            key = base64.b64decode(credentials.secret.strip(), validate=True)
        except (ValueError, binascii.Error):
            raise UsageError("credentials: the private key is not base64 text") from None  # the cause could quote it
        self.api_key = credentials.api_key
        self._keyed = hmac.new(key, digestmod=hashlib.sha512)

    def sign(self, path: str, nonce: str, body: bytes) -> str:
        """``API-Sign`` of a request whose ``body`` holds ``nonce``."""
        state = self._keyed.copy()
        state.update(path.encode() + hashlib.sha256(nonce.encode() + body).digest())
        return base64.b64encode(state.digest()).decode()


class Nonces:
    """Strictly increasing, nanoseconds of UTC. A clock that steps back is waited out by counting."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, wall_ns: int) -> int:
        self._last = max(self._last + 1, wall_ns)
        return self._last
