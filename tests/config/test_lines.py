"""The key index: it names exactly the paths that tomllib reads, each at the line where a person would look."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lines import key_lines


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    """Every path of a parsed document."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return {(*path, key) for key, _ in children} | {p for key, v in children for p in paths_of(v, (*path, key))}


def check(text: str) -> dict[tuple[str | int, ...], int]:
    lines = key_lines(text).paths()
    assert set(lines) == paths_of(tomllib.loads(text))
    return lines


def test_every_way_to_write_a_key() -> None:
    lines = check(
        """\
# [not.a.table]
top = 1                      # line 2
"quoted key" . 'x.y' = 2
a.b.c = "x"  # = 5
[table]                      # line 5
  indented = [ 1, 2,
    # ] still open
    [ "]", '[' ],
    { k = 9, l.m = 9 },
  ]
[ table . "sub" ]
[[list]]                     # line 12
x = 1
[list.limits]
max = 1
[[list]]
x = 2
[list.limits]
max = 2
[[list.inner]]
[[list.inner]]
last = "end"
"""
    )
    assert lines["top",] == 2
    assert lines["quoted key", "x.y"] == 3
    assert lines["a",] == lines["a", "b"] == lines["a", "b", "c"] == 4
    assert lines["table",] == 5
    assert [lines["table", "indented", i] for i in range(4)] == [6, 6, 8, 9]
    assert lines["table", "indented", 3, "l", "m"] == 9
    assert lines["table", "sub"] == 11
    assert lines["list",] == lines["list", 0] == 12
    assert (lines["list", 0, "limits", "max"], lines["list", 1], lines["list", 1, "limits", "max"]) == (15, 16, 19)
    assert (lines["list", 1, "inner", 0], lines["list", 1, "inner", 1, "last"]) == (20, 22)


@pytest.mark.parametrize(
    "value",
    [
        '"""\n[table]\nkey = 1\n"""',
        '"""one \\""" still\n# open""" # closed',
        '"""ends in quotes"""""',
        "'''\n[[x]]\n\\'''",
        "'''ends in quotes'''''",
        '""""quote first"""',
        '"\\\\"',
        '"\\" # = ["',
        "'\\'",
        '""',
        '""""""',
        "''''''",
        "1979-05-27 07:32:00  # a date with a space",
        "[\n]",
        "{}",
        "[[], [[]], ]",
        '{ a = "}", b = [ "{", 2 ], c = { d = 1 } }',
        "-inf",
    ],
)
def test_what_a_value_holds_is_not_mistaken_for_keys(value: str) -> None:
    text = f"before = 1\nvalue = {value}\nafter = 2\n"
    lines = check(text)
    assert lines["value",] == 2
    assert lines["after",] == text.rstrip("\n").count("\n") + 1


def test_a_path_that_is_not_there_has_the_line_of_its_nearest_table() -> None:
    lines = key_lines("a = 1\n[b]\nc = 1\n[[d]]\n[[d]]\n")
    assert lines.of(("b", "missing", 0, "deeper")) == 2
    assert lines.of(("d", 1, "missing")) == 5
    assert lines.of(("missing",)) == 1
    assert lines.of(()) == 1


def test_an_empty_text_names_nothing() -> None:
    assert check("") == check(" \n# only this\n\n") == check("# no newline at the end") == {}


KEYS = st.one_of(
    st.from_regex(r"\A[a-d]\Z"),
    st.text(st.sampled_from("ab .#[]='\""), max_size=3).map(
        lambda t: '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"'
    ),
)
SCALARS = st.sampled_from(
    ["1", "-0.5", "true", '"x # y"', "'[t]'", '"""a\n[b]\n\\""""', "'''\nk = 1\n'''", "2020-01-01 00:00:00"]
)
BLANKS = st.sampled_from(["", " ", "\n", " # c = 1\n", "\n\n"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(st.tuples(BLANKS, inner, BLANKS), max_size=3).map(
            lambda items: "[" + ",".join("".join(item) for item in items) + "]"
        )
        | st.lists(st.tuples(KEYS, inner), max_size=2, unique_by=lambda item: item[0]).map(
            lambda items: "{" + ", ".join(f"{key} = {value}" for key, value in items) + "}"
        )
    ),
    max_leaves=6,
)
DOTTED = st.lists(KEYS, min_size=1, max_size=3).map(" . ".join)
STATEMENTS = st.one_of(
    st.tuples(DOTTED, VALUES).map(" = ".join),
    DOTTED.map(lambda key: f"[{key}]"),
    DOTTED.map(lambda key: f"[[{key}]]"),
    st.just("# comment [x]"),
    st.just(""),
)


@given(st.lists(st.tuples(STATEMENTS, st.sampled_from(["\n", " \n", "\t# c\n"])), max_size=12))
def test_random_documents_index_exactly_the_paths_that_tomllib_reads(pieces: list[tuple[str, str]]) -> None:
    text, spans = "", {}
    for statement, end in pieces:
        longer = text + statement + end
        try:
            before, after = paths_of(tomllib.loads(text)), paths_of(tomllib.loads(longer))
        except tomllib.TOMLDecodeError:
            continue  # a second definition of a key, for instance: left out
        first = text.count("\n") + 1
        spans.update(dict.fromkeys(after - before, range(first, first + statement.count("\n") + 1)))
        text = longer
    lines = check(text)
    assert all(lines[path] in span for path, span in spans.items())
