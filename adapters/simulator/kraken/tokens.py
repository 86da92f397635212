"""Tokens for private WebSocket requests: handed out over REST, to be used within their life, then good for as long as
a connection that used it keeps a private subscription."""

import base64
import hashlib

from adapters.simulator.kraken.auth import Credential, KeyRing
from adapters.simulator.kraken.errors import ApiError

__all__ = ["Token", "Tokens"]

_REMEMBERED = 10_000


class Token:
    """``links``: connections that hold a private subscription opened with it."""

    def __init__(self, text: str, credential: Credential, expires_ns: int) -> None:
        self.text = text
        self.credential = credential
        self.expires_ns = expires_ns
        self.links: set[str] = set()


class Tokens:
    """Every token that was handed out. The texts come from a seed."""

    def __init__(self, seed: int, life_ns: int, keys: KeyRing) -> None:
        self._seed, self._life_ns, self._keys = seed, life_ns, keys
        self._issued = 0
        self._tokens: dict[str, Token] = {}

    def issue(self, credential: Credential, now_ns: int) -> Token:
        self._issued += 1
        digest = hashlib.sha256(f"{self._seed}:{self._issued}:{credential.api_key}".encode()).digest()
        token = Token(base64.b64encode(digest).decode().rstrip("="), credential, now_ns + self._life_ns)
        self._tokens[token.text] = token
        if len(self._tokens) > _REMEMBERED:
            self._tokens = {text: kept for text, kept in self._tokens.items() if self._is_good(kept, now_ns)}
        return token

    def find(self, text: object, now_ns: int) -> Token:
        """Raises ApiError for a token that is missing, unknown, too old, or of a key that was deleted."""
        if not isinstance(text, str) or not text:
            raise ApiError("Token(s) not found")
        token = self._tokens.get(text)
        if token is None:
            raise ApiError("EAPI:Invalid token")
        if not self._is_good(token, now_ns) or not self._keys.knows(token.credential):
            raise ApiError("ESession:Invalid session")
        return token

    @staticmethod
    def _is_good(token: Token, now_ns: int) -> bool:
        return now_ns < token.expires_ns or bool(token.links)
