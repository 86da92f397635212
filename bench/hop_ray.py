"""The Ray half of ``bench/hop.py``: both ends as Ray actors, each in a process of its own, on Ray's own loop."""

import os
from typing import Any

import ray

from bench.hop_ends import Plan, Ways, ping, serve_frames
from engine.messages import NewOrder

__all__ = ["ping_between_ray_actors"]


class _Echo:
    """Answers calls through Ray, and frames on a socket of its own."""

    async def listen(self, path: str) -> None:
        self._server = await serve_frames(path)

    async def echo(self, order: NewOrder) -> NewOrder:
        return order


class _Pinger:
    async def measure(self, plan: Plan, floor_path: str, frame_path: str, echo: Any) -> dict[str, list[int]]:
        return await ping(plan, Ways(floor_path, frame_path, echo.echo.remote))


def _hosted(actor: type) -> Any:
    return ray.remote(num_cpus=0)(actor).remote()


def ping_between_ray_actors(plan: Plan, floor_path: str, frame_path: str) -> dict[str, list[int]]:
    """Start a Ray of our own (or use the one that runs in this process), measure, and leave it as it was found."""
    is_ours = not ray.is_initialized()
    if is_ours:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        echo, pinger = _hosted(_Echo), _hosted(_Pinger)
        ray.get(echo.listen.remote(frame_path))
        took: dict[str, list[int]] = ray.get(pinger.measure.remote(plan, floor_path, frame_path, echo))
        for actor in (echo, pinger):
            ray.kill(actor)
    finally:
        if is_ours:
            ray.shutdown()
    return took
