"""A venue's credentials, read from the files that the configuration names, and kept out of every text."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from config.files import secret_mode_problem, secret_path_problem
from config.settings import CredentialSettings, VenueSettings
from engine.errors import UsageError

__all__ = ["Credentials", "load_credentials"]

_SECRET_BYTES_MAX: Final = 16 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """``secret`` is the HMAC secret, or the private key as PEM. Shown, logged or pickled it gives nothing away."""

    key_type: Literal["hmac", "ed25519", "es256"]
    api_key: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Credentials(key_type={self.key_type!r}, api_key=…, secret=…)"

    def __reduce__(self) -> str:
        raise UsageError("credentials do not leave their process; load them where they are used")


def load_credentials(venue: VenueSettings, settings: CredentialSettings | None = None) -> Credentials:
    """Read a venue's credentials: its own, or other ones for it. Raises UsageError naming venue, key, file and remedy;
    never the content."""
    settings = settings or venue.credentials
    api_key = _read(venue.name, "api_key_file", Path(settings.api_key_file))
    secret = _read(venue.name, "secret_file", Path(settings.secret_file))
    if not _is_visible(api_key):
        _refuse(venue.name, "api_key_file", settings.api_key_file, "is not one line of plain text")
    if settings.key_type == "hmac" and not _is_visible(secret):
        _refuse(venue.name, "secret_file", settings.secret_file, "is not an HMAC secret, one line of plain text")
    if settings.key_type != "hmac":
        _check_private_key(venue.name, settings.secret_file, secret, settings.key_type)
    return Credentials(settings.key_type, api_key.decode("ascii"), secret)


def _read(venue: str, key: str, path: Path) -> bytes:
    wrong = secret_path_problem(path)
    if wrong is not None:
        raise UsageError(f"credentials of venue {venue}: {key} {wrong[0]}; {wrong[1]}")
    try:
        with open(path, "rb") as file:
            # asked again of the file that is open, which cannot be exchanged any more
            wrong = secret_mode_problem(path, os.fstat(file.fileno()).st_mode)
            content = file.read(_SECRET_BYTES_MAX + 1).strip()
    except OSError as error:
        _refuse(venue, key, path, f"cannot be read: {error.strerror}")
    if wrong is not None:
        raise UsageError(f"credentials of venue {venue}: {key} {wrong[0]}; {wrong[1]}")
    if not 0 < len(content) <= _SECRET_BYTES_MAX:
        _refuse(venue, key, path, "is empty" if not content else "is too large to be a key")
    return content


def _check_private_key(venue: str, path: str, pem: bytes, key_type: str) -> None:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        _refuse(venue, "secret_file", path, "is not an unencrypted private key in PEM form")
    if key_type == "ed25519" and not isinstance(key, Ed25519PrivateKey):
        _refuse(venue, "secret_file", path, "is a private key of another kind than Ed25519")
    if key_type == "es256" and not (isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)):
        _refuse(venue, "secret_file", path, "is a private key of another kind than EC P-256 (ES256)")


def _is_visible(text: bytes) -> bool:
    return all(0x21 <= byte <= 0x7E for byte in text)


def _refuse(venue: str, key: str, path: Path | str, what: str) -> NoReturn:
    raise UsageError(f"credentials of venue {venue}: {key} {path} {what}; put the key that the venue gave you there")
