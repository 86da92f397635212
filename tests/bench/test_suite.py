"""bench/suite.py and ``python -m bench``: what is listed, shown and written."""

import json

import pytest

from bench.__main__ import main
from bench.suite import BENCHES, question, run_bench
from engine.errors import UsageError

KEYS = [
    *("bench", "case", "unit", "p50", "p90", "p99", "p99_9", "max", "count"),
    *("baseline", "ratio_p50", "ratio_p99", "target", "met"),
]


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_asks_a_question_and_draws_its_topology(name):
    assert question(name).endswith("?")


def test_an_unknown_bench_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="'haste' is unknown; there are histogram, gate"):
        run_bench("haste", tiny=True)


def test_list_names_every_bench(capsys):
    assert main(["--list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in BENCHES)


def test_a_tiny_run_prints_its_table_and_writes_machine_and_rows(tmp_path, capsys):
    path = tmp_path / "bench.json"
    assert main(["histogram", "market_data", "--tiny", "--json", str(path)]) == 0
    told = capsys.readouterr().out
    assert "What does it cost to record one latency?" in told
    assert "p99.9" in told
    document = json.loads(path.read_text())
    assert {"system", "cpu", "cores", "python", "numba", "ray"} <= set(document["machine"])
    assert {row["bench"] for row in document["rows"]} == {"histogram", "market_data"}
    assert all(list(row) == KEYS for row in document["rows"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["haste"], "bench 'haste' is unknown"),
        (["histogram", "--tiny", "--json", "/nowhere/bench.json"], "/nowhere/bench.json cannot be written"),
        (["market_data", "--tiny", "--recording", "/nowhere/some.gz"], "/nowhere/some.gz cannot be read"),
    ],
)
def test_a_wrong_name_or_file_is_one_line_and_exit_code_1(arguments, told, capsys):
    assert main(arguments) == 1
    error = " ".join(capsys.readouterr().err.split())
    assert "UsageError" in error
    assert told in error
