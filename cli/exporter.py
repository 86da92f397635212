"""``haltline exporter``: a process of its own on each host, which Prometheus scrapes instead of a trading process."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, start_http_server

from cli.metrics import HostCollector
from cli.screen import CONSOLE, print_json
from config.loader import load_config
from config.settings import EngineConfig
from engine.errors import UsageError

__all__ = ["exporter", "exporter_process"]


def exporter(
    config: Annotated[Path, typer.Option(help="The engine's TOML file.")],
    port: Annotated[int | None, typer.Option(help="Where to listen; 0: a free port.", min=0, max=65535)] = None,
    host: Annotated[str | None, typer.Option(help="At which address of this machine.")] = None,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="End with standard input: with whoever holds it.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Say where it listens as JSON.")] = False,
) -> None:
    """Serve this host's metrics for Prometheus, read from mapped pages: the engine does not notice a scrape.

    Port and host are those of the configuration's [bold]metrics[/bold] table unless they are given. Runs until SIGINT
    or SIGTERM, whether an engine runs or not. Example: [bold]haltline exporter --config desk.toml --port 9464[/bold]
    """
    settings = load_config(config, check_files=False)
    at_host = settings.metrics.host if host is None else host
    at_port = settings.metrics.port if port is None else port
    if port is None and not at_port:
        raise UsageError("exporter: name a port with --port, or in the configuration under [metrics]")
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HostCollector(settings))
    try:
        server, thread = start_http_server(at_port, at_host, registry)
    except OSError as error:
        raise UsageError(f"exporter: cannot listen at {at_host}:{at_port}: {error.strerror or error}") from error
    url = f"http://{at_host}:{server.server_port}/metrics"
    if json:
        print_json({"url": url, "port": server.server_port})
        sys.stdout.flush()
    else:
        CONSOLE.print(f"metrics at {url}", highlight=False)
    if until_eof:
        threading.Thread(target=_at_end_of_input, args=(done,), daemon=True).start()
    done.wait()
    server.shutdown()
    server.server_close()
    thread.join()


def _at_end_of_input(done: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    done.set()


@contextmanager
def exporter_process(settings: EngineConfig, config: Path) -> Iterator[None]:
    """The exporter that the configuration asks for, if it does, for as long as this process lives."""
    if not settings.metrics.port:
        yield
        return
    command = [sys.executable, "-m", "cli.main", "exporter", "--config", str(config), "--until-eof"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=10)
