"""Rules for every test."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Short names for the folders of workers: a socket's path has room for 103 bytes."""
    if hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="hl-")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        shutil.rmtree(Path(config.option.basetemp), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For pytest-xdist: a file's tests stay together, and of those that start Ray only one runs at a time."""
    for item in items:
        group = "ray" if item.get_closest_marker("ray") is not None else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def no_ray(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a test marked ``ray`` may start Ray: it keeps the core honest, and the suite fast."""
    if request.node.get_closest_marker("ray") is not None:
        return

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("this test is not marked ray and must not start it")

    monkeypatch.setattr("ray.init", refuse)
