"""The keys of a simulated venue's account and its server's certificate, in files made when they are missing."""

import secrets
import string
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from actors.runtime.tls import issue_certificate, local_authority
from adapters.simulator.binance.settings import SimKey
from engine.errors import UsageError

__all__ = ["VenueKeys", "random_text"]


class VenueKeys:
    """The account's keys and the server's certificate, in files of one private directory."""

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.directory = directory
            self.ca_file = local_authority(directory)
            self.certificate_file, self.key_file = issue_certificate(directory, "localhost")
            for key_type in ("hmac", "ed25519"):
                if not self.secret_file(key_type).exists():
                    _write_secret(self.api_key_file(key_type), random_text(64))
                    _write_secret(self.secret_file(key_type), _new_secret(key_type))
        except OSError as error:
            raise UsageError(
                f"simulator: directory {directory}: {error.strerror}; choose another with --directory"
            ) from error

    def pair(self, name: str, new_secret: Callable[[], str]) -> tuple[str, str]:
        """The key and the secret called ``name``, of any venue; made when missing. Raises UsageError as above."""
        try:
            if not self.secret_file(name).exists():
                _write_secret(self.api_key_file(name), random_text(64))
                _write_secret(self.secret_file(name), new_secret())
            return self.api_key_file(name).read_text().strip(), self.secret_file(name).read_text().strip()
        except OSError as error:
            raise UsageError(f"simulator: directory {self.directory}: {error.strerror}") from error

    def api_key_file(self, key_type: str) -> Path:
        return self.directory / f"{key_type}.api-key"

    def secret_file(self, key_type: str) -> Path:
        return self.directory / f"{key_type}.secret"

    def keys(self) -> tuple[SimKey, ...]:
        private = load_pem_private_key(self.secret_file("ed25519").read_bytes(), None)
        assert isinstance(private, Ed25519PrivateKey)
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return (
            SimKey(
                self.api_key_file("hmac").read_text().strip(),
                "hmac",
                secret=self.secret_file("hmac").read_text().strip(),
            ),
            SimKey(self.api_key_file("ed25519").read_text().strip(), "ed25519", public_key=public),
        )


def _new_secret(key_type: str) -> str:
    if key_type == "hmac":
        return random_text(64)
    private = Ed25519PrivateKey.generate()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def random_text(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
