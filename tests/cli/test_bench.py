"""``haltline bench``: what is listed, shown and written."""

import json

import pytest

from bench.row import ROW_KEYS
from bench.suite import BENCHES
from cli.main import main
from engine.errors import InvariantError


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["haltline", "bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_list_names_every_bench(monkeypatch, capsys):
    assert run(monkeypatch, "--list") == 0
    told = capsys.readouterr().out
    assert all(name in told for name in BENCHES)


def test_a_tiny_run_prints_its_table_and_writes_rows_and_report(monkeypatch, tmp_path, capsys):
    rows, report = tmp_path / "bench.json", tmp_path / "out"
    assert run(monkeypatch, "histogram", "market_data", "--tiny", "--json", str(rows), "--report", str(report)) == 0
    told = capsys.readouterr().out
    assert "What does it cost to record one latency?" in told
    assert "p99.9" in told
    written = json.loads(rows.read_text())
    assert {row["bench"] for row in written} == {"histogram", "market_data"}
    assert all(list(row) == list(ROW_KEYS) for row in written)
    assert "Haltline bench" in (report / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["haste"], "bench 'haste' is unknown"),
        (["histogram", "--tiny", "--json", "/nowhere/bench.json"], "/nowhere/bench.json cannot be written"),
        (["market_data", "--tiny", "--recording", "/nowhere/some.gz"], "/nowhere/some.gz cannot be read"),
        (["gate", "--tiny", "--pin", "many"], "cores 'many'"),
    ],
)
def test_a_wrong_name_file_or_core_is_one_line_and_exit_code_2(monkeypatch, arguments, told, capsys):
    assert run(monkeypatch, *arguments) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert error.startswith("haltline: ")
    assert told in error


def test_a_wrong_result_keeps_no_other_bench_from_running_and_fails_the_run(monkeypatch, tmp_path, capsys):
    def wrong(size):
        raise InvariantError("approved 0 of [20]")

    monkeypatch.setattr("bench.gate.run", wrong)
    rows, report = tmp_path / "bench.json", tmp_path / "out"
    assert run(monkeypatch, "gate", "histogram", "--tiny", "--json", str(rows), "--report", str(report)) == 1
    assert "gate failed: approved 0 of [20]" in capsys.readouterr().out
    assert {row["bench"] for row in json.loads(rows.read_text())} == {"histogram"}
    assert "approved 0 of [20]" in (report / "index.html").read_text()
