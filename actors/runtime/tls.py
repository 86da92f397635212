"""TLS over the runtime's own sockets, and the local certificate authority.

The TLS machine sits on memory buffers above the raw transport, so that also on a TLS link ``write`` reaches the
kernel before it returns and nothing waits in user space unseen (uvloop's own TLS transport keeps up to 64 KiB).
"""

import contextlib
import datetime
import ipaddress
import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.errors import UsageError

__all__ = [
    "TlsPipe",
    "client_context",
    "issue_certificate",
    "local_authority",
    "mutual_context",
    "server_context",
]

_READ_BYTES = 1 << 18
_VALID = datetime.timedelta(days=825)
#: Certificates start a little in the past, for hosts whose clocks are behind.
_SKEW = datetime.timedelta(hours=1)


class TlsPipe:
    """One TLS session: ciphertext in, plaintext out, and back. ``outgoing`` must be sent after every call."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self.established = False
        self.ended = False

    def receive(self, data: bytes) -> bytes:
        """Feed ciphertext (empty: start the handshake); return the plaintext that it completes. Raises ssl.SSLError."""
        self._incoming.write(data)
        if not self.established:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self.established = True
        return self._read()

    def encrypt(self, data: bytes) -> bytes:
        """Plaintext to the ciphertext to send now. Raises ssl.SSLError."""
        self._object.write(data)
        return self._outgoing.read()

    def outgoing(self) -> bytes:
        return self._outgoing.read()

    def close_notify(self) -> bytes:
        """The farewell to send before closing; empty when the session never stood."""
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._object.unwrap()  # raises as the peer's own farewell is missing: ours is in the buffer all the same
        return self._outgoing.read()

    def _read(self) -> bytes:
        pieces: list[bytes] = []
        try:
            while True:
                piece = self._object.read(_READ_BYTES)
                if not piece:
                    self.ended = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def client_context(ca_file: str) -> ssl.SSLContext:
    """For outside links: TLS 1.2 or newer, chain and host name always checked. ``ca_file`` empty: the system's."""
    context = ssl.create_default_context(cafile=_readable(ca_file, "ca_file") if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_context(certificate_file: str, key_file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(_readable(certificate_file, "certificate"), _readable(key_file, "key"))
    return context


def mutual_context(ca_file: str, certificate_file: str, key_file: str, *, server_side: bool) -> ssl.SSLContext:
    """Between hosts: TLS 1.3, and each side shows a certificate of our own authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(_readable(ca_file, "certificate authority"))
    context.load_cert_chain(_readable(certificate_file, "certificate"), _readable(key_file, "key"))
    return context


def local_authority(directory: str | os.PathLike[str]) -> Path:
    """The authority in ``directory``, made on first use: returns the path of its certificate, ``ca.pem``.

    Its key stays beside it in ``ca.key``, mode 0600, directory mode 0700. Raises UsageError when it cannot be written.
    """
    folder = Path(directory)
    certificate_path, key_path = folder / "ca.pem", folder / "ca.key"
    if certificate_path.exists() and key_path.exists():
        return certificate_path
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Haltline local authority")])
        certificate = (
            _builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write_private(key_path, _key_pem(key))
        _write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise UsageError(f"cannot make a certificate authority in {folder}: {error.strerror}") from error
    return certificate_path


def issue_certificate(
    directory: str | os.PathLike[str], host: str, names: Sequence[str] = ("localhost", "127.0.0.1", "::1")
) -> tuple[Path, Path]:
    """A certificate for ``host``, valid for ``names`` (DNS names or IP addresses), by the authority in ``directory``.

    Returns (certificate file, key file), ``<host>.pem`` and ``<host>.key`` with mode 0600; made anew on each call.
    """
    folder = Path(directory)
    local_authority(folder)
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    authority_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise UsageError(f"{folder / 'ca.key'} is not an elliptic-curve key: remove ca.pem and ca.key to make new ones")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    certificate = (
        _builder(subject, authority.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate_path, key_path = folder / f"{host}.pem", folder / f"{host}.key"
    _write_private(key_path, _key_pem(key))
    _write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _VALID)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, never readable by others, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _readable(path: str, what: str) -> str:
    if not os.access(path, os.R_OK):
        raise UsageError(f"{what} file {path!r} is missing or not readable")
    return path
