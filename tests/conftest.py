"""Rules for every test."""

import pytest


@pytest.fixture(autouse=True)
def no_ray(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a test marked ``ray`` may start Ray: it keeps the core honest, and the suite fast."""
    if request.node.get_closest_marker("ray") is not None:
        return

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("this test is not marked ray and must not start it")

    monkeypatch.setattr("ray.init", refuse)
