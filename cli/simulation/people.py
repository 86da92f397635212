"""People who may release a kill, and their keys: made from their names, so that a seed stays one run."""

from functools import cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engine.codes import KillMode
from engine.messages import KillApproval
from risk.release import approval_text

__all__ = ["PEOPLE", "STRANGER", "approval", "public_key", "sign"]

PEOPLE = ("ann", "bea", "cy")
#: Has a key, and is not in the configuration.
STRANGER = "dan"


@cache
def _key(person: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(f"simulated {person}".encode()).digest())


def public_key(person: str) -> str:
    """In hex, as the configuration has it."""
    return _key(person).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign(person: str, text: bytes) -> str:
    """In hex."""
    return _key(person).sign(text).hex()


def approval(kill_id: str, scope: str, mode: KillMode, person: str, signer: str, expires_ns: int) -> KillApproval:
    """What ``signer`` signs in the name of ``person``."""
    signature = sign(signer, approval_text(kill_id, scope, mode.name.lower(), expires_ns))
    return KillApproval(kill_id, person, expires_ns, signature)
