"""A run as one HTML page that needs nothing beside it: tables, percentile plots, latency over time, the machine."""

import html
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from bench.plot import COLOURS, percentile_plot, time_strip
from bench.row import Row
from bench.suite import cells, verdict
from engine.errors import UsageError

__all__ = ["report_page", "write_report"]

_COLUMNS = ("case", "unit", "p50", "p90", "p99", "p99.9", "max", "count", "±", "baseline", "÷ p50", "÷ p99", "target")
_HEADS = "".join(f"<th{' class=text' if name == 'target' else ''}>{name}" for name in _COLUMNS)
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #2e933c; --bad: #d1495b; }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.4rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: .15rem .55rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child, .text { text-align: left; }
.facts { color: GrayText; font-size: 13px; } .facts b { font-weight: 500; color: CanvasText; }
.met { color: var(--good); } .missed { color: var(--bad); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
.wide { overflow-x: auto; }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 11px; fill: GrayText; }
svg .grid { stroke: var(--line); stroke-width: .6; } svg .frame { fill: none; stroke: var(--line); }
svg .target { stroke-dasharray: 5 4; stroke-width: 1; opacity: .7; }
figcaption { color: GrayText; font-size: 12px; margin: .6rem 0 .1rem; } figure { margin: .8rem 0; }
pre { font-size: 12px; color: GrayText; white-space: pre-wrap; }
"""


def write_report(
    directory: Path,
    rows: Sequence[Row],
    failures: Mapping[str, str],
    machine: Mapping[str, str],
    header: Callable[[str], str],
) -> Path:
    """Write ``index.html`` into ``directory``, which is made when missing, and return its path.

    ``header`` gives a bench's whole header by name. Raises UsageError naming the directory.
    """
    path = directory / "index.html"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(report_page(rows, failures, machine, header), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return path


def report_page(
    rows: Sequence[Row], failures: Mapping[str, str], machine: Mapping[str, str], header: Callable[[str], str]
) -> str:
    """The page. Rows of one bench stand together; ``failures`` are what went wrong, by bench."""
    judged = [row for row in rows if row.met is not None]
    facts = "  ".join(f"{_text(name)} <b>{_text(value)}</b> · " for name, value in machine.items())
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    benches = "".join(_bench(list(group), header) for _, group in groupby(rows, key=lambda row: row.bench))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Haltline bench</title><style>{_STYLE}</style>'
        f"<h1>Haltline bench</h1><p class=facts>{facts}{when}</p>"
        f"<p>{sum(bool(row.met) for row in judged)} of {len(judged)} targets met. ± is how far the medians of five "
        "parts of the run lie apart; ÷ is a case over its baseline, measured in turns in the same run.</p>"
        f"{_failed(failures)}{_summary(judged)}{benches}</html>\n"
    )


def _failed(failures: Mapping[str, str]) -> str:
    return "".join(
        f"<p class=missed>{_text(name)} failed, and has no numbers: {_text(why)}</p>" for name, why in failures.items()
    )


def _summary(judged: Sequence[Row]) -> str:
    lines = "".join(
        f"<tr><td>{_text(row.bench)}</td><td class=text>{_text(row.case)}</td><td class=text>{_text(row.target)}</td>"
        f'<td class="{_class(row)}">{"met" if row.met else "missed"}</td><td>{row.distance:.2f} ×</td></tr>'
        for row in judged
    )
    heads = "<tr><th>bench<th class=text>case<th class=text>target<th><th>of the target</tr>"
    return f"<table>{heads}{lines}</table>" if judged else ""


def _bench(rows: Sequence[Row], header: Callable[[str], str]) -> str:
    question, _, rest = header(rows[0].bench).partition("\n")
    rows = sorted(rows, key=lambda row: row.count == 0)  # what could not be measured stands last, and is not drawn
    return (
        f"<section><h2>{_text(rows[0].bench)}: {_text(question)}</h2>"
        f"<div class=wide><table><tr>{_HEADS}</tr>"
        f"{''.join(_line(row, number) for number, row in enumerate(rows))}</table></div>"
        f"{_drawings([row for row in rows if row.count])}"
        f"<details><summary>How it is measured</summary><pre>{_text(rest.strip())}</pre></details></section>"
    )


def _drawings(rows: Sequence[Row]) -> str:
    """What has the first row's unit on one scale, to be compared; anything else each on its own, over time alone."""
    alike = [row for row in rows if row.unit == rows[0].unit]
    others = [row for row in rows if row.unit != rows[0].unit and row.count > 1]
    strips = [
        f"<figcaption>{_key(number)}{_text(row.case)}</figcaption>{time_strip(row, number, alike)}"
        for number, row in enumerate(alike)
    ] + [f"<figcaption>{_text(f'{row.case} ({row.unit})')}</figcaption>{time_strip(row, 0, [row])}" for row in others]
    return (
        f"<figure><figcaption>how much took how long (dashed: a target)</figcaption>{percentile_plot(alike)}</figure>"
        f"<figure><figcaption>over the run: least and most of each stretch</figcaption>{''.join(strips)}</figure>"
    )


def _line(row: Row, number: int) -> str:
    numbers = "".join(f"<td>{_text(cell)}</td>" for cell in cells(row))
    target = f'<td class="text {_class(row)}">{_text(verdict(row))}</td>'
    return f"<tr><td>{_key(number)}{_text(row.case)}</td><td>{_text(row.unit)}</td>{numbers}{target}</tr>"


def _class(row: Row) -> str:
    return "" if row.met is None else "met" if row.met else "missed"


def _key(number: int) -> str:
    return f'<span class=key style="background:{COLOURS[number % len(COLOURS)]}"></span>'


def _text(value: str) -> str:
    return html.escape(value)
