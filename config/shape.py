"""Checks a parsed TOML document against the types of ``config/settings.py`` and collects everything that is wrong.

The types say what is allowed; this module only says it to a person. What is right is handed on, even beside what is
wrong, so that the relations between values can be checked in the same pass.
"""

import difflib
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec.inspect as mi

from config.errors import KeyPath, key_text
from config.settings import CREDENTIAL_TABLES
from config.urls import url_problem
from engine.errors import UsageError
from engine.instrument import parse_decimal

__all__ = ["Report", "checked", "tables"]

_INT64: Final = 2**63
_SECRET_KEY: Final = re.compile(r"secret|passw|passphrase|private_?key|api_?key|mnemonic", re.IGNORECASE)
_PEM: Final = re.compile(r"-----BEGIN")
_TAGS: Final = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a float"),
    (list, "an array"),
    (dict, "a table"),
)


class Report(Protocol):
    """Takes one problem: where it is, what is wrong, what to do."""

    def __call__(self, where: KeyPath, problem: str, remedy: str, /) -> None: ...


#: Stands for a value that was reported: dropped from its table, kept in its array.
_BAD: Final = object()


def checked(document: dict[str, Any], root: type, report: Report) -> dict[str, Any]:
    """What of the document is right, in its shape; everything else goes to ``report``."""
    kind = mi.type_info(root)
    assert isinstance(kind, mi.StructType)
    return _table(document, kind, (), report)


def tables(good: dict[str, Any], key: str) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """The array of tables under ``key``, as far as it is right, each with its path from here."""
    for index, element in enumerate(good.get(key, ())):
        if isinstance(element, dict):
            yield (key, index), element


def _value(value: Any, kind: mi.Type, path: KeyPath, report: Report) -> Any:
    described, extra = "", {}
    if isinstance(kind, mi.Metadata):
        described, extra = str((kind.extra_json_schema or {}).get("description", "")), kind.extra or {}
        kind = kind.type
    if isinstance(kind, mi.UnionType) and any(isinstance(each, mi.NoneType) for each in kind.types):
        (kind,) = (each for each in kind.types if not isinstance(each, mi.NoneType))  # which TOML cannot say
    if isinstance(kind, mi.StructType):
        if isinstance(value, dict):
            return _table(value, kind, path, report)
        report(path, f"is {_tag(value)}, not a table", f"write a [{_header(path)}] table")
    elif isinstance(kind, mi.UnionType):
        return _variant(value, kind, path, report)
    elif isinstance(kind, mi.VarTupleType):
        return _array(value, kind, path, report)
    elif isinstance(kind, mi.DictType):
        return _parameters(value, path, report)
    elif isinstance(kind, mi.IntType):
        return _whole_number(value, kind, path, report)
    elif isinstance(kind, mi.LiteralType):
        return _choice(value, kind, path, report)
    elif isinstance(kind, mi.BoolType):
        if isinstance(value, bool):
            return value
        report(path, f"is {_tag(value)}, not true or false", "write true or false, without quotes")
    elif "amount" in extra:
        return _amount(value, extra["amount"] == "positive", path, report)
    elif not isinstance(value, str):
        report(path, f"is {_tag(value)}, not text", f"write {described} in quotes")
    elif _PEM.search(value):
        _report_secret(path, report)
    elif "schemes" in extra:
        return _url(value, extra["schemes"], path, report)
    else:
        return _text(value, kind, described, path, report)
    return _BAD


# -- tables and arrays -----------------------------------------------------------------------------------------


def _table(table: dict[str, Any], kind: mi.StructType, path: KeyPath, report: Report) -> dict[str, Any]:
    fields = {field.name: field for field in kind.fields}
    good: dict[str, Any] = {}
    meant: set[str] = set()
    for key, value in table.items():
        if key == kind.tag_field:
            good[key] = value
            continue
        if key not in fields:
            meant.update(_report_unknown(key, list(fields), path, report))
            continue
        result = _value(value, fields[key].type, (*path, key), report)
        if result is not _BAD:
            good[key] = result
    for field in kind.fields:
        # A key that is only misspelt was told already.
        if field.required and field.name not in table and field.name not in meant:
            report((*path, field.name), "is missing and has no default", _how_to_add(field.type, (*path, field.name)))
    return good


def _variant(value: Any, kind: mi.UnionType, path: KeyPath, report: Report) -> Any:
    """A table of which one key says what kind of table it is."""
    if not isinstance(value, dict):
        report(path, f"is {_tag(value)}, not a table", f"write a [{_header(path)}] table")
        return _BAD
    variants = {variant.tag: variant for variant in kind.types if isinstance(variant, mi.StructType)}
    tag_field = next(variant.tag_field for variant in variants.values())
    assert tag_field is not None
    choice = mi.LiteralType(tuple(variants))
    if tag_field not in value:
        report((*path, tag_field), "is missing and has no default", _how_to_add(choice, (*path, tag_field)))
        return _BAD
    tag = _choice(value[tag_field], choice, (*path, tag_field), report)
    return _BAD if tag is _BAD else _table(value, variants[tag], path, report)


def _array(value: Any, kind: mi.VarTupleType, path: KeyPath, report: Report) -> Any:
    of_tables = isinstance(kind.item_type, mi.StructType | mi.UnionType)
    if not isinstance(value, list):
        remedy = f"write [[{_header(path)}]], once for each" if of_tables else "write it in square brackets"
        report(path, f"is {_tag(value)}, not an array", remedy)
        return _BAD
    if kind.min_length and len(value) < kind.min_length:
        report(path, "is empty", _how_to_add(kind, path))
        return _BAD
    # Broken elements stay in, so that positions, and with them paths and lines, stay true.
    return [_value(element, kind.item_type, (*path, index), report) for index, element in enumerate(value)]


def _parameters(value: Any, path: KeyPath, report: Report) -> Any:
    if not isinstance(value, dict):
        report(path, f"is {_tag(value)}, not a table", f"write a [{_header(path)}] table")
        return _BAD
    good = {}
    for key, parameter in value.items():
        where = (*path, key)
        if _SECRET_KEY.search(key) or (isinstance(parameter, str) and _PEM.search(parameter)):
            _report_secret(where, report)
        elif not isinstance(parameter, str | int | float):
            report(where, f"is {_tag(parameter)}", "a parameter is text, a number, true or false")
        elif isinstance(parameter, float) and not math.isfinite(parameter):
            report(where, f"is {parameter}", "write a finite number")
        elif isinstance(parameter, int) and not -_INT64 <= parameter < _INT64:
            report(where, "does not fit into 64 bits", "write a smaller number, or text")
        else:
            good[key] = parameter
    return good


# -- single values ---------------------------------------------------------------------------------------------


def _whole_number(value: Any, kind: mi.IntType, path: KeyPath, report: Report) -> Any:
    low, high = kind.ge, kind.le
    if not isinstance(value, int) or isinstance(value, bool):
        report(path, f"is {_tag(value)}, not a whole number", f"write a whole number from {low} to {high}")
    elif not (low is None or low <= value) or not (high is None or value <= high):
        shown = value if abs(value) < _INT64 else "a number beyond 64 bits"
        report(path, f"is {shown}, outside {low} to {high}", f"write a whole number from {low} to {high}")
    else:
        return value
    return _BAD


def _choice(value: Any, kind: mi.LiteralType, path: KeyPath, report: Report) -> Any:
    if value in kind.values and isinstance(value, str):
        return value
    choices = ", ".join(f'"{choice}"' for choice in kind.values)
    close = difflib.get_close_matches(value, [str(v) for v in kind.values], 1) if isinstance(value, str) else []
    remedy = f'did you mean "{close[0]}"?' if close else f"write {'one of ' if len(kind.values) > 1 else ''}{choices}"
    report(path, f"is {_shown(value, path)}, not one of {choices}", remedy)
    return _BAD


def _amount(value: Any, positive: bool, path: KeyPath, report: Report) -> Any:
    if isinstance(value, float) and math.isfinite(value):
        text = f"{Decimal(repr(value)):f}" if abs(value) < _INT64 else "…"
        report(path, "is a float, which is binary and would round money", f'write decimal text: "{text}"')
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value) if abs(value) < _INT64 else "…"
        report(path, "is a number; amounts are decimal text", f'write it in quotes: "{text}"')
    elif not isinstance(value, str):
        report(path, f"is {_tag(value)}; amounts are decimal text", 'write for instance "0.5"')
    else:
        return _decimal(value, positive, path, report)
    return _BAD


def _decimal(value: str, positive: bool, path: KeyPath, report: Report) -> Any:
    try:
        units, _ = parse_decimal(value)
    except UsageError:
        report(path, f"is {_shown(value, path)}, not a plain decimal number", 'write for instance "0.5"')
        return _BAD
    if units < 0 or (positive and units == 0):
        bound = "above zero" if positive else "zero or more"
        report(path, f"is {_shown(value, path)}, which is not {bound}", f"write an amount {bound}")
        return _BAD
    return value


def _url(value: str, schemes: tuple[str, str], path: KeyPath, report: Report) -> Any:
    wrong = url_problem(value, schemes)
    if wrong is None:
        return value
    report(path, *wrong)
    return _BAD


def _text(value: str, kind: mi.Type, described: str, path: KeyPath, report: Report) -> Any:
    assert isinstance(kind, mi.StrType)
    if kind.pattern is None or re.search(kind.pattern, value):
        return value
    report(path, f"is {_shown(value, path)}", f"write {described}")
    return _BAD


# -- words -----------------------------------------------------------------------------------------------------


def _report_unknown(key: str, known: list[str], path: KeyPath, report: Report) -> list[str]:
    """Returns the key that was probably meant, if any."""
    close = difflib.get_close_matches(key, known, 1)
    if close:
        report((*path, key), "is not a key of this table", f'did you mean "{close[0]}"?')
    elif _SECRET_KEY.search(key):
        _report_secret((*path, key), report)
    else:
        report((*path, key), "is not a key of this table", f"remove it; the keys here are {', '.join(known)}")
    return close


def _report_secret(path: KeyPath, report: Report) -> None:
    report(
        path,
        "is a secret written into the configuration",
        "remove it, and replace the secret as it may have been seen; "
        "put the new one into a file of mode 0600 and name that in secret_file",
    )


def _how_to_add(kind: mi.Type, path: KeyPath) -> str:
    described = ""
    if isinstance(kind, mi.Metadata):
        described, kind = str((kind.extra_json_schema or {}).get("description", "")), kind.type
    if isinstance(kind, mi.StructType):
        return f"add a [{_header(path)}] table"
    if isinstance(kind, mi.VarTupleType) and isinstance(kind.item_type, mi.StructType):
        return f"add at least one [[{_header(path)}]]"
    if isinstance(kind, mi.VarTupleType):
        return "name at least one"
    if isinstance(kind, mi.IntType):
        return f"add a whole number from {kind.ge} to {kind.le}"
    if isinstance(kind, mi.LiteralType):
        return "add it: " + " or ".join(f'"{value}"' for value in kind.values)
    return f"add {described}"


def _header(path: KeyPath) -> str:
    """The path as a TOML header has it: without positions."""
    return key_text(tuple(part for part in path if isinstance(part, str)))


def _tag(value: Any) -> str:
    return next((name for kind, name in _TAGS if isinstance(value, kind)), "a date or time")


def _shown(value: Any, path: KeyPath) -> str:
    """A value for an error text, cut short; never what stands under credentials."""
    if not set(path).isdisjoint(CREDENTIAL_TABLES):
        return "something else"
    if not isinstance(value, str):
        return _tag(value)
    return ascii(value if len(value) <= 40 else value[:40] + "…")
