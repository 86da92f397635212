"""Fixtures of the runtime's tests. Their modules import ``runtime_probe`` and ``runtime_worlds`` from this folder."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.runtime.spec import HostSettings, TcpSettings
from actors.runtime.tls import issue_certificate, local_authority

sys.path.insert(0, str(Path(__file__).parent))

from runtime_worlds import WORLDS, HostsWorld, World, make_world


@pytest.fixture
def run_dir() -> Iterator[str]:
    """A directory whose path is short enough for Unix sockets."""
    path = tempfile.mkdtemp(prefix="hl-")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def settings(run_dir: str) -> HostSettings:
    return HostSettings(run_dir, "test", 1, log_file=f"{run_dir}/log.jsonl")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> TcpSettings:
    """One authority and one certificate for every host of the session."""
    folder = tmp_path_factory.mktemp("tls")
    authority = local_authority(folder)
    certificate, key = issue_certificate(folder, "host")
    return TcpSettings("127.0.0.1", str(authority), str(certificate), str(key))


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, settings: HostSettings, certificates: TcpSettings) -> Iterator[World]:
    """Each kind of world in turn; a test may name some with ``indirect`` parameters."""
    made = make_world(request.param, settings, certificates)
    yield made
    made.stop()


@pytest.fixture
def hosts_world(settings: HostSettings) -> Iterator[HostsWorld]:
    made = HostsWorld(settings)
    yield made
    made.stop()
