"""``haltline kill approve | release | status | receipt | keygen``: the end of a kill, by two people, and its record.

ann: kill keygen ─▶ her public key into the configuration, once       status, receipt: anybody, also with no engine
bea: the same
ann: kill approve ID ─┐
bea: kill approve ID ─┴─▶ anybody: kill release ID
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table

from actors.places import KILL_SWITCH, journal_dir, latch_path, run_dir
from actors.runtime.observer import BlockingObserver
from cli.kill_shadow import print_shadows, shadow_dict, shadows_of
from cli.screen import CONSOLE, ERRORS, micros, print_json, user_name
from config.files import secret_path_problem
from config.loader import load_config
from config.settings import EngineConfig
from engine.errors import HaltlineError, UsageError
from engine.messages import KillApproval, KillQuery, KillReceipt, KillRecords, KillRelease
from risk.latch import LatchPage

if TYPE_CHECKING:  # the red button does not wait for cryptography
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["approve", "keygen", "private_key", "receipt", "release", "status"]

_ANSWER_S = 10.0
_KillId = Annotated[str, typer.Argument(help="The kill's id, as status shows it.")]
_Config = Annotated[Path, typer.Option(help="The engine's TOML file.")]
_Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def keygen(
    out: Annotated[Path, typer.Option(help="The private key's new file.")],
    name: Annotated[str, typer.Option(help="Your name in the configuration.")] = "",
) -> None:
    """Make your key for approvals, and print what belongs into the configuration.

    The file is yours alone. Example: [bold]haltline kill keygen --out ann.pem --name ann[/bold]
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"key {out}: {error.strerror}; name a file that does not exist yet") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    print(f'[[people]]\nname = "{name or user_name()}"\npublic_key = "{public}"\nmay = ["release"]')


def approve(
    kill_id: _KillId,
    config: _Config,
    person: Annotated[str, typer.Option("--as", help="Your name in the configuration.")],
    key: Annotated[Path, typer.Option(help="Your private key.")],
) -> None:
    """Agree to the release of one kill, for as long as the release window is.

    A kill is released when two different people have agreed, and the approvals of both still count.
    Example: [bold]haltline kill approve 5f1e-22 --config desk.toml --as ann --key ann.pem[/bold]
    """
    from risk.release import approval_text

    settings = load_config(config, check_files=False)
    signer = private_key(key)
    with _kill_switch(settings) as observer:
        known = observer.request(KillQuery(kill_id), KillRecords, _ANSWER_S)
        held = next((each for each in known.kills if not each.released_ns), None)
        if held is None:
            raise UsageError(known.refusal or f"kill {kill_id} has been released")
        expires_ns = time.time_ns() + settings.kill.release_window_s * 1_000_000_000
        text = approval_text(held.kill_id, held.scope, held.mode.name.lower(), expires_ns)
        answer = observer.request(
            KillApproval(held.kill_id, person, expires_ns, signer.sign(text).hex()), KillRecords, _ANSWER_S
        )
    if answer.refusal:
        raise UsageError(f"not approved: {answer.refusal}")
    for each in answer.kills:
        CONSOLE.print(f"approved by {person}: kill {each.kill_id}, {each.scope} {each.mode.name.lower()}", markup=False)
        CONSOLE.print(f"missing: {'; '.join(each.missing) or 'nothing'}", markup=False)
    print_shadows(settings, kill_id)


def release(kill_id: _KillId, config: _Config) -> None:
    """Release a kill: two people have approved, every cancel is confirmed, and no order's outcome is unknown.

    Nothing else is released with it. Exit code 0 only when it is. Example: [bold]haltline kill release 5f1e-22
    --config desk.toml[/bold]
    """
    settings = load_config(config, check_files=False)
    print_shadows(settings, kill_id)
    with _kill_switch(settings) as observer:
        answer = observer.request(KillRelease(kill_id, user_name()), KillRecords, _ANSWER_S)
    if answer.refusal:
        ERRORS.print(f"haltline: kill {kill_id} still holds: {answer.refusal}", markup=False)
        raise typer.Exit(1)
    CONSOLE.print(f"kill {kill_id} is released", markup=False)


def status(config: _Config, json: _Json = False) -> None:
    """Show every kill that holds: who, why, how far it has come, and what its release still needs.

    Without an engine it shows what the latch says. Example: [bold]haltline kill status --config desk.toml[/bold]
    """
    settings = load_config(config, check_files=False)
    try:
        with _kill_switch(settings) as observer:
            kills = observer.request(KillQuery(), KillRecords, _ANSWER_S).kills
    except (HaltlineError, OSError):
        _status_of_latch(settings, json)
        return
    held = [each for each in kills if not each.released_ns]
    if json:
        print_json({"kill_switch": "answers", "kills": [_with_shadows(settings, each) for each in held]})
        return
    if not held:
        CONSOLE.print("no kill holds")
    for each in held:
        CONSOLE.print(_summary(each))
        print_shadows(settings, each.kill_id)


def _with_shadows(config: EngineConfig, kill: KillReceipt) -> dict[str, object]:
    return _as_dict(kill) | {"shadows": [shadow_dict(account) for account in shadows_of(config, kill.kill_id)]}


def _status_of_latch(config: EngineConfig, json: bool) -> None:
    page = LatchPage.open(latch_path(config))
    kills = [
        {
            "kill_id": kill.cause.kill_id if kill.cause else "",
            "scope": kill.scope.text,
            "mode": kill.mode.name.lower(),
            "by": kill.cause.by if kill.cause else "",
            "reason": kill.cause.reason if kill.cause else "",
        }
        for kill in page.kills()
    ]
    if json:
        print_json({"kill_switch": "does not answer", "damaged": page.is_damaged(), "kills": kills})
        return
    CONSOLE.print("no kill switch actor answers; the latch says:", markup=False)
    if page.is_damaged():
        CONSOLE.print("damaged: everything reads as killed", markup=False)
    for kill in kills:
        CONSOLE.print("  ".join(kill.values()), markup=False, highlight=False)
    if not kills:
        CONSOLE.print("no kill holds" if page.view().is_trading() else "everything is killed, nobody has said why")


def receipt(kill_id: _KillId, config: _Config, json: _Json = False) -> None:
    """Print the whole record of a kill, from the kill switch's journal: also long after, and with no engine.

    Example: [bold]haltline kill receipt 5f1e-22 --config desk.toml[/bold]
    """
    settings = load_config(config, check_files=False)
    found = _from_kill_switch(settings, kill_id) or _from_journal(settings, kill_id)
    if found is None:
        raise UsageError(f"kill {kill_id!r} is in no record of {settings.engine.state_dir}")
    if json:
        print_json(_as_dict(found))
    else:
        CONSOLE.print(_summary(found))


def _from_kill_switch(config: EngineConfig, kill_id: str) -> KillReceipt | None:
    try:
        with _kill_switch(config) as observer:
            kills = observer.request(KillQuery(kill_id), KillRecords, _ANSWER_S).kills
    except (HaltlineError, OSError):
        return None
    return kills[0] if kills else None


def _from_journal(config: EngineConfig, kill_id: str) -> KillReceipt | None:
    """The last receipt of that kill: of its release, or of the moment when it was complete."""
    from store.segment_read import read_records

    decoder = msgspec.msgpack.Decoder(KillReceipt)
    found = None
    for _, _, payload in read_records(journal_dir(config) / KILL_SWITCH):
        try:
            record = decoder.decode(payload)
        except msgspec.DecodeError:
            continue  # a record of another kind
        if record.kill_id == kill_id:
            found = record
    return found


def _kill_switch(config: EngineConfig) -> BlockingObserver:
    return BlockingObserver(str(run_dir(config)), KILL_SWITCH)


def private_key(path: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    wrong = secret_path_problem(path)
    if wrong is not None:
        raise UsageError(f"key {'; '.join(wrong)}")
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"key {path} is not a private key in PEM form; make one with haltline kill keygen") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"key {path} is not an Ed25519 key; make one with haltline kill keygen")
    return key


# -- a receipt on the screen -----------------------------------------------------------------------------------------


def _as_dict(kill: KillReceipt) -> dict[str, object]:
    plain: dict[str, object] = msgspec.structs.asdict(kill)
    return plain | {
        "mode": kill.mode.name.lower(),
        "stages": {stage.stage: micros(stage.after_ns) if stage.after_ns >= 0 else None for stage in kill.stages},
        "actors": [
            msgspec.structs.asdict(actor) | {"residual": [msgspec.structs.asdict(each) for each in actor.residual]}
            for actor in kill.actors
        ],
        "approvals": [msgspec.structs.asdict(each) for each in kill.approvals],
        "limits": msgspec.json.decode(kill.limits) if kill.limits else {},
    }


def _summary(kill: KillReceipt) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    rows = {
        "kill": f"{kill.kill_id}  {kill.scope}  {kill.mode.name.lower()}",
        "by": f"{kill.by} ({kill.trigger}), {_at(kill.pressed_wall_ns)}",
        "why": kill.reason,
        "evidence": kill.evidence,
        "stages": "  ".join(
            f"{stage.stage} {micros(stage.after_ns):,.0f} µs" if stage.after_ns >= 0 else f"{stage.stage} …"
            for stage in kill.stages
        ),
        "orders": f"{sum(actor.orders_cancelled for actor in kill.actors)} cancelled, {kill.open_orders} open, "
        f"{kill.unknown_orders} unknown",
        "left": ", ".join(f"{each.instrument} {each.quantity}" for actor in kill.actors for each in actor.residual),
        "failures": "\n".join(kill.failures),
        "approved by": ", ".join(f"{each.person} until {_at(each.expires_ns)}" for each in kill.approvals),
        "missing": "; ".join(kill.missing),
        "released": _at(kill.released_ns) if kill.released_ns else "",
        "config": kill.config_hash[:12],
    }
    for name, text in rows.items():
        if text:
            table.add_row(name, text)
    return table


def _at(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
