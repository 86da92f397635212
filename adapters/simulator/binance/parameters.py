"""Reading the parameters of a request: each is named once, checked, and counted, so that unread ones are an error."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

import msgspec

from adapters.simulator.binance.errors import ApiError, illegal_characters, mandatory

__all__ = ["Parameters", "from_json", "from_query"]

_INTEGER = re.compile(r"[0-9]{1,20}\Z")
_DECIMAL_LEGAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_DECIMAL = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?\Z")
_CLIENT_ID_LEGAL = "^[a-zA-Z0-9-_]{1,36}$"
_CLIENT_ID = re.compile(r"[a-zA-Z0-9\-_]{1,36}\Z")
_INT64_MAX = 2**63 - 1


class Parameters:
    """The parameters of one request as texts; readers raise ApiError with the venue's code and text."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._read: set[str] = set()

    @property
    def values(self) -> Mapping[str, str]:
        return self._values

    def has(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """The text of an optional parameter, None when it was not sent; sent but empty is an error."""
        self._read.add(name)
        value = self._values.get(name)
        if value == "":
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        return value

    def required(self, name: str) -> str:
        self._read.add(name)
        value = self._values.get(name)
        if not value:
            raise mandatory(name)
        return value

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.match(value):
            raise illegal_characters(name, "^[0-9]{1,20}$")
        if int(value) > _INT64_MAX:
            raise ApiError(-1108, f"Parameter '{name}' overflowed.")
        return int(value)

    def required_integer(self, name: str) -> int:
        self.required(name)
        value = self.integer(name)
        assert value is not None, "a required parameter was sent"
        return value

    def limit(self, default: int, maximum: int) -> int:
        """The ``limit`` parameter; beyond the maximum the venue answers with the maximum."""
        value = self.integer("limit")
        if value == 0:
            raise ApiError(-1130, "Data sent for parameter 'limit' is not valid.")
        return default if value is None else min(value, maximum)

    def decimal(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not _DECIMAL.match(value):
            raise illegal_characters(name, _DECIMAL_LEGAL)
        return value

    def client_order_id(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not _CLIENT_ID.match(value):
            raise illegal_characters(name, _CLIENT_ID_LEGAL)
        return value

    def choice(self, name: str, choices: Sequence[str], error: ApiError | None = None) -> str | None:
        value = self.text(name)
        if value is not None and value not in choices:
            raise error or ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value

    def flag(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise illegal_characters(name, "true|false")
        return value.lower() == "true"

    def symbols(self) -> list[str] | None:
        """The ``symbols`` array (JSON text); None when it was not sent."""
        value = self.text("symbols")
        if value is None:
            return None
        try:
            symbols = msgspec.json.decode(value, type=list[str])
        except (msgspec.MsgspecError, RecursionError):
            raise ApiError(-1135, "JSON sent for parameter 'symbols' is not valid") from None
        if len(set(symbols)) != len(symbols):
            raise ApiError(-1151, "Symbol is present multiple times in the list.")
        return symbols

    def finish(self) -> None:
        """Every parameter must have been read by now: raises ApiError -1104 otherwise."""
        unread = len(self._values) - len(self._read & self._values.keys())
        if unread:
            read, sent = len(self._values) - unread, len(self._values)
            raise ApiError(
                -1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
            )


def from_query(*encoded: str) -> Parameters:
    """Parameters of a query string and of a form body. Raises ApiError for a repeated name or what is not UTF-8."""
    values: dict[str, str] = {}
    for part in "&".join(filter(None, encoded)).split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if name in values:
            raise ApiError(-1101, "Duplicate values for a parameter detected.")
        try:
            values[name] = unquote_to_bytes(value.replace("+", " ")).decode()
        except UnicodeDecodeError:
            raise illegal_characters(name, "UTF-8") from None
    return Parameters(values)


def from_json(raw: Mapping[str, msgspec.Raw]) -> Parameters:
    """Parameters of a WebSocket API request. Numbers and booleans keep their JSON text, which is what is signed.

    Raises ApiError -1135 for texts that are not Unicode.
    """
    try:
        return Parameters({name: _json_text(bytes(value)) for name, value in raw.items()})
    except (msgspec.MsgspecError, UnicodeError):
        raise ApiError(-1135, "Invalid JSON Request") from None


def _json_text(encoded: bytes) -> str:
    if encoded[:1] == b'"':
        return msgspec.json.decode(encoded, type=str)
    return "" if encoded == b"null" else encoded.decode()
