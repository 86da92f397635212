"""Who is asking: keys, signatures of the exact payload, and the rule for timestamps."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.simulator.binance.errors import ApiError, mandatory, unauthorized
from adapters.simulator.binance.settings import SimKey
from engine.errors import UsageError

__all__ = ["Credential", "KeyRing", "check_timestamp", "rest_payload", "ws_payload"]

_MILLISECOND_NS = 1_000_000
_API_KEY = re.compile(r"[A-Za-z0-9]{1,128}\Z")
#: Milliseconds have 13 digits until the year 2286, microseconds 16.
_MICROSECONDS_FROM = 10**14
_RECV_WINDOW = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?\Z")
_RECV_WINDOW_NS_MAX = 60_000 * _MILLISECOND_NS


class Credential:
    """One API key of one account, able to verify signatures."""

    def __init__(self, key: SimKey, account: str) -> None:
        if not _API_KEY.match(key.api_key):
            raise UsageError(f"account {account}: API key {key.api_key!r} must be letters and digits only")
        self.api_key = key.api_key
        self.account = account
        self.key_type = key.key_type
        self.can_trade = key.can_trade
        self.can_read = key.can_read
        if key.key_type == "hmac" and key.secret:
            self._secret = key.secret.encode()
        elif key.key_type == "ed25519" and len(key.public_key) == 32:
            self._public_key = Ed25519PublicKey.from_public_bytes(key.public_key)
        else:
            raise UsageError(
                f"account {account}: key {key.api_key} must be hmac with a secret or ed25519 with a 32-byte public key"
            )

    def verify(self, payload: bytes, signature: str) -> None:
        """Raises ApiError -1022 unless ``signature`` is this key's over exactly ``payload``."""
        valid = self._hmac(payload, signature) if self.key_type == "hmac" else self._ed25519(payload, signature)
        if not valid:
            raise ApiError(-1022, "Signature for this request is not valid.")

    def _hmac(self, payload: bytes, signature: str) -> bool:
        expected = hmac.new(self._secret, payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())

    def _ed25519(self, payload: bytes, signature: str) -> bool:
        try:
            self._public_key.verify(base64.b64decode(signature, validate=True), payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class KeyRing:
    """Every key that the venue knows."""

    def __init__(self, keys: Iterable[tuple[str, SimKey]]) -> None:
        self._credentials: dict[str, Credential] = {}
        self._revoked: dict[str, Credential] = {}
        for account, key in keys:
            if key.api_key in self._credentials:
                raise UsageError(f"API key {key.api_key} is given twice; every key belongs to one account")
            self._credentials[key.api_key] = Credential(key, account)

    def find(self, api_key: str | None) -> Credential:
        """Raises ApiError -2014 for what cannot be a key and -2015 for one that is not known."""
        if api_key is None or not _API_KEY.match(api_key):
            raise ApiError(-2014, "API-key format invalid.", status=401)
        credential = self._credentials.get(api_key)
        if credential is None:
            raise unauthorized()
        return credential

    def knows(self, credential: Credential) -> bool:
        return self._credentials.get(credential.api_key) is credential

    def revoke(self, api_key: str) -> None:
        """Forget a key, as the venue does when it is deleted or its rights are taken."""
        credential = self._credentials.pop(api_key, None)
        if credential is not None:
            self._revoked[api_key] = credential

    def names(self) -> list[str]:
        """The API keys that are known now."""
        return list(self._credentials)

    def revoked(self) -> list[str]:
        return list(self._revoked)

    def restore(self, api_key: str) -> None:
        """Take a key back that was revoked."""
        credential = self._revoked.pop(api_key, None)
        if credential is not None:
            self._credentials[api_key] = credential


def rest_payload(query: str, body: bytes) -> bytes:
    """What a REST signature signs: the query as sent followed by the body as sent, without the signature itself."""
    return b"".join((_without_signature(query.encode()), _without_signature(body)))


def _without_signature(encoded: bytes) -> bytes:
    if b"signature=" not in encoded:
        return encoded
    return b"&".join(part for part in encoded.split(b"&") if not part.startswith(b"signature="))


def ws_payload(parameters: Mapping[str, str]) -> bytes:
    """What a WebSocket API signature signs: every parameter but the signature, by name, not percent-encoded."""
    return "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name != "signature").encode()


def check_timestamp(timestamp: int, recv_window: str | None, wall_ns: int) -> None:
    """The venue's timing rule. Raises ApiError -1021 with one of its two texts, -1102 for a bad ``recvWindow``."""
    window_ns = _recv_window_ns(recv_window)
    sent_ns = timestamp * (1_000 if timestamp >= _MICROSECONDS_FROM else _MILLISECOND_NS)
    # The venue's clock has the unit of the timestamp: a request stamped within the current millisecond is not late.
    if sent_ns >= wall_ns + 1_000 * _MILLISECOND_NS:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if wall_ns - sent_ns > window_ns:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _recv_window_ns(text: str | None) -> int:
    if text is None:
        return 5_000 * _MILLISECOND_NS
    if not _RECV_WINDOW.match(text):
        raise mandatory("recvWindow")
    whole, _, fraction = text.partition(".")
    window_ns = int(whole) * _MILLISECOND_NS + int(fraction.ljust(3, "0")) * 1_000
    if window_ns > _RECV_WINDOW_NS_MAX:
        raise ApiError(-1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000.")
    return window_ns
