"""A scenario as a configuration file: the same text that a person would write, read by the same loader."""

from pathlib import Path

from cli.simulation.people import PEOPLE, public_key
from cli.simulation.scenario import Scenario
from cli.simulation.venue import api_key, secret

__all__ = ["write_config"]

_HEAD = """
[engine]
name = "simulation"
runtime = "{runtime}"
state_dir = "state"
[kill]
fence = {fence}
acknowledge_ms = {acknowledge_ms}
"""
_PERSON = """
[[people]]
name = "{name}"
public_key = "{public_key}"
may = ["release"]
"""
_ACCOUNT = """
[[accounts]]
id = "{account}"
[accounts.limits]
open_orders_max = {open_orders}
orders_per_second_max = {per_second}
orders_burst_max = {burst}
replaces_per_second_max = {per_second}
replaces_burst_max = {burst}
cancels_per_second_max = 1000
cancels_burst_max = 1000
currency = "USDT"
gross_notional_max = "{gross}"
net_notional_max = "{net}"
daily_loss_max = "{loss}"
drawdown_max = "{loss}"
duplicate_window_ms = {duplicate_ms}
[[accounts.assets]]
asset = "BTC"
long_max = "{asset_max}"
short_max = "{asset_max}"
"""
_VENUE = """
[[venues]]
name = "{name}"
adapter = "binance"
account = "{account}"
rest_url = "http://localhost:{port}"
orders_url = "ws://localhost:{port}/ws-api/v3"
streams_url = "ws://localhost:{port}"
[venues.reconcile]
opening_positions = "zero"
[venues.credentials]
key_type = "hmac"
api_key_file = "{name}.key"
secret_file = "{name}.secret"
"""
_INSTRUMENT = """
[[venues.instruments]]
symbol = "{symbol}"
[venues.instruments.limits]
order_quantity_max = "{order_max}"
order_notional_max = "100000"
long_position_max = "{position_max}"
short_position_max = "{position_max}"
price_collar_bps = 500
window_collar_bps = 1000
window_ms = 60000
reference_age_ms = 30000
"""
_STRATEGY = """
[[strategies]]
id = "{id}"
account = "{account}"
source = "cli.simulation.trader:Trader"
placement = "{placement}"
venue = "{venue}"
instruments = [{instruments}]
parameters = {{ seed = {seed}, interval_ms = {interval_ms}, lots = {lots}, cancels = {cancels} }}
[strategies.limits]
orders_per_second_max = 100
orders_burst_max = 100
position_notional_max = "10000000"
gross_notional_max = "10000000"
executions_max = {executions}
executions_window_ms = 60000
"""


def write_config(scenario: Scenario, directory: Path) -> Path:
    """Write the configuration and its key files; returns its path."""
    head = _HEAD.format(
        # Only where each venue actor has a process of its own can one be ended.
        runtime="ray" if scenario.fence else "local",
        fence=str(scenario.fence).lower(),
        acknowledge_ms=scenario.acknowledge_ms,
    )
    text = [head, *(_PERSON.format(name=person, public_key=public_key(person)) for person in PEOPLE)]
    for account in scenario.accounts:
        per_second = scenario.orders_per_second
        text.append(
            _ACCOUNT.format(
                account=account,
                open_orders=scenario.open_orders_max,
                per_second=per_second,
                burst=2 * per_second,
                gross=scenario.gross_notional_max,
                net=scenario.net_notional_max,
                loss=scenario.loss_max,
                asset_max=scenario.asset_max,
                duplicate_ms=scenario.duplicate_window_ms,
            )
        )
    for venue in scenario.venues:
        text.append(_VENUE.format(name=venue.name, account=venue.account, port=venue.port))
        text.extend(
            _INSTRUMENT.format(symbol=symbol, order_max=venue.order_max, position_max=venue.position_max)
            for symbol in venue.symbols
        )
        for suffix, content in (("key", api_key(venue.name)), ("secret", secret(venue.name))):
            path = directory / f"{venue.name}.{suffix}"
            path.write_text(content)
            path.chmod(0o600)
    for number, strategy in enumerate(scenario.strategies):
        venue = strategy.venue
        text.append(
            _STRATEGY.format(
                id=strategy.id,
                account=venue.account,
                placement=strategy.placement,
                venue=venue.name,
                instruments=", ".join(f'"{venue.name}:{symbol}"' for symbol in venue.symbols),
                seed=scenario.seed * 10 + number,
                interval_ms=strategy.interval_ms,
                lots=strategy.lots,
                cancels=str(strategy.cancels).lower(),
                executions=strategy.executions_max,
            )
        )
    if scenario.clutch:
        text.append('\n[[clutch]]\nscope = "global"\n')
    path = directory / "simulation.toml"
    path.write_text("".join(text))
    return path
