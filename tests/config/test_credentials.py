"""Credentials come from files that only their owner can read, and never show up in a text."""

import copy
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, derive_private_key, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from msgspec.structs import replace

from config.credentials import load_credentials
from config.loader import load_config
from config.settings import VenueSettings
from engine.errors import UsageError

API_KEY = "an-api-key-that-nobody-may-see"
SECRET = "a-secret-that-nobody-may-see"


def pem(key: object, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())  # type: ignore[attr-defined]


ED25519 = pem(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@pytest.fixture
def venue(right_text: str, config_path: Path) -> VenueSettings:
    config_path.write_text(right_text)
    write(config_path.parent / "key.txt", f"{API_KEY}\n".encode())
    write(config_path.parent / "secret.txt", f"{SECRET}\n".encode())
    return load_config(config_path).venue("binance")


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.write_bytes(content)
    path.chmod(mode)


def ed25519(venue: VenueSettings) -> VenueSettings:
    return replace(venue, credentials=replace(venue.credentials, key_type="ed25519"))


def refusal(venue: VenueSettings) -> str:
    with pytest.raises(UsageError) as error:
        load_credentials(venue)
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith("credentials of venue binance: ")
    assert SECRET not in text
    assert API_KEY not in text
    return text


def test_hmac_credentials_are_the_files_content_without_the_line_end(venue: VenueSettings) -> None:
    credentials = load_credentials(venue)
    assert (credentials.key_type, credentials.api_key, credentials.secret) == ("hmac", API_KEY, SECRET.encode())


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_ed25519_credentials_hold_the_private_key_as_pem(venue: VenueSettings, mode: int) -> None:
    write(Path(venue.credentials.secret_file), ED25519, mode)
    credentials = load_credentials(ed25519(venue))
    assert credentials.key_type == "ed25519"
    assert credentials.secret == ED25519.strip()


def test_es256_credentials_hold_a_p256_key_and_no_other(venue: VenueSettings) -> None:
    venue = replace(venue, credentials=replace(venue.credentials, key_type="es256"))
    secret = pem(derive_private_key(5, SECP256R1()))
    write(Path(venue.credentials.secret_file), secret)
    assert load_credentials(venue).secret == secret.strip()
    for other in (ED25519, pem(derive_private_key(5, SECP384R1()))):
        write(Path(venue.credentials.secret_file), other)
        assert "another kind than EC P-256" in refusal(venue)


def test_nothing_secret_shows_in_any_text(venue: VenueSettings) -> None:
    credentials = load_credentials(venue)
    for text in (repr(credentials), str(credentials), f"{credentials}", f"{[credentials]}", f"{venue}"):
        assert API_KEY not in text
        assert SECRET not in text


def test_credentials_do_not_leave_their_process(venue: VenueSettings) -> None:
    credentials = load_credentials(venue)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(UsageError, match="do not leave their process"):
            leave(credentials)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o660])
def test_a_file_open_to_others_is_refused(venue: VenueSettings, mode: int) -> None:
    Path(venue.credentials.api_key_file).chmod(mode)
    text = refusal(venue)
    assert f"api_key_file {venue.credentials.api_key_file} is open to group or others (mode {mode:04o})" in text
    assert "chmod 600" in text


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"two\nlines", "one line of plain text"),
        (b"with space", "one line of plain text"),
        (b"\xef\xbb\xbfmarked", "one line of plain text"),
        (b"\x00", "one line of plain text"),
        (b"x" * 20_000, "too large"),
    ],
)
@pytest.mark.parametrize("key", ["api_key_file", "secret_file"])
def test_a_file_that_holds_no_key_is_refused(venue: VenueSettings, key: str, content: bytes, named: str) -> None:
    path = Path(getattr(venue.credentials, key))
    write(path, content)
    text = refusal(venue)
    assert named in text
    assert f"{key} {path}" in text


def test_missing_files_and_directories_are_refused(venue: VenueSettings) -> None:
    path = Path(venue.credentials.secret_file)
    path.unlink()
    assert "No such file" in refusal(venue)
    path.mkdir(mode=0o700)
    assert "is not a file" in refusal(venue)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (SECRET.encode(), "not an unencrypted private key"),
        (ED25519[:-40], "not an unencrypted private key"),
        (pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"x")), "not an unencrypted private key"),
        (pem(generate_private_key(SECP256R1())), "another kind than Ed25519"),
    ],
)
def test_a_file_without_an_ed25519_key_is_refused(venue: VenueSettings, content: bytes, named: str) -> None:
    write(Path(venue.credentials.secret_file), content)
    assert named in refusal(ed25519(venue))
