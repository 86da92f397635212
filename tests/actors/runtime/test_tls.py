"""The local authority, and the TLS machine on memory buffers."""

import ssl
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.runtime.spec import TcpSettings
from actors.runtime.tls import (
    TlsPipe,
    client_context,
    issue_certificate,
    local_authority,
    mutual_context,
    server_context,
)
from engine.errors import UsageError


def shake(client: TlsPipe, server: TlsPipe) -> None:
    client.receive(b"")
    while not (client.established and server.established):
        server.receive(client.outgoing())
        client.receive(server.outgoing())
    client.receive(server.outgoing())


def mutual(files: TcpSettings, *, server_side: bool) -> ssl.SSLContext:
    return mutual_context(files.ca_file, files.certificate_file, files.key_file, server_side=server_side)


def test_every_file_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    issue_certificate(folder, "host")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == dict.fromkeys(("ca.pem", "ca.key", "host.pem", "host.key"), 0o600)


def test_the_authority_is_made_once(tmp_path: Path) -> None:
    first = local_authority(tmp_path).read_bytes()
    assert local_authority(tmp_path).read_bytes() == first


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot make a certificate authority"):
        local_authority(tmp_path / "file" / "tls")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.pem"):
        client_context(str(tmp_path / "nowhere.pem"))
    with pytest.raises(UsageError, match=r"nowhere\.key"):
        server_context(str(local_authority(tmp_path)), str(tmp_path / "nowhere.key"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=70_000), max_size=5), cut=st.integers(1, 5000))
def test_plaintext_comes_through_whole_however_the_ciphertext_is_cut(
    certificates: TcpSettings, pieces: list[bytes], cut: int
) -> None:
    client = TlsPipe(client_context(certificates.ca_file), server_side=False, server_hostname="localhost")
    server = TlsPipe(server_context(certificates.certificate_file, certificates.key_file), server_side=True)
    shake(client, server)
    sealed = b"".join(client.encrypt(piece) for piece in pieces if piece)
    opened = b"".join(server.receive(sealed[at : at + cut]) for at in range(0, len(sealed), cut))
    assert opened == b"".join(pieces)
    assert not server.ended
    server.receive(client.close_notify())
    assert server.ended


def test_mutual_tls_stands_between_two_of_our_hosts(certificates: TcpSettings) -> None:
    client = TlsPipe(mutual(certificates, server_side=False), server_side=False, server_hostname="127.0.0.1")
    server = TlsPipe(mutual(certificates, server_side=True), server_side=True)
    shake(client, server)
    assert server.receive(client.encrypt(b"frame")) == b"frame"


def test_a_client_without_our_certificate_is_refused(certificates: TcpSettings) -> None:
    stranger = TlsPipe(client_context(certificates.ca_file), server_side=False, server_hostname="localhost")
    server = TlsPipe(mutual(certificates, server_side=True), server_side=True)
    with pytest.raises(ssl.SSLError):
        shake(stranger, server)


def test_a_host_of_another_authority_is_refused(certificates: TcpSettings, tmp_path: Path) -> None:
    authority = local_authority(tmp_path)
    certificate, key = issue_certificate(tmp_path, "host")
    foreign = TcpSettings("127.0.0.1", str(authority), str(certificate), str(key))
    client = TlsPipe(mutual(certificates, server_side=False), server_side=False, server_hostname="127.0.0.1")
    server = TlsPipe(mutual(foreign, server_side=True), server_side=True)
    with pytest.raises(ssl.SSLError):
        shake(client, server)
