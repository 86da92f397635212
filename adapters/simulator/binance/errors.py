"""What the venue answers when it says no: status, code, text, and the data that some codes carry."""

__all__ = [
    "ApiError",
    "cancel_rejected",
    "filter_failure",
    "illegal_characters",
    "invalid_symbol",
    "mandatory",
    "not_required",
    "rejected",
    "too_much_precision",
    "unauthorized",
]


class ApiError(Exception):
    """One refusal. ``status`` is the HTTP status and the WebSocket API's; ``data`` goes out as it is.

    ``retry_after_ns`` (UTC) accompanies 429 and 418.
    """

    def __init__(
        self,
        code: int,
        text: str,
        status: int = 400,
        data: dict[str, object] | None = None,
        retry_after_ns: int = 0,
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.status = status
        self.data = data
        self.retry_after_ns = retry_after_ns

    def body(self) -> dict[str, object]:
        body: dict[str, object] = {"code": self.code, "msg": self.text}
        if self.data is not None:
            body["data"] = self.data
        return body


def illegal_characters(parameter: str, legal: str) -> ApiError:
    return ApiError(-1100, f"Illegal characters found in parameter '{parameter}'; legal range is '{legal}'.")


def mandatory(parameter: str) -> ApiError:
    return ApiError(-1102, f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed.")


def not_required(parameter: str) -> ApiError:
    return ApiError(-1106, f"Parameter '{parameter}' sent when not required.")


def too_much_precision(parameter: str) -> ApiError:
    return ApiError(-1111, f"Parameter '{parameter}' has too much precision.")


def invalid_symbol() -> ApiError:
    return ApiError(-1121, "Invalid symbol.")


def filter_failure(name: str) -> ApiError:
    return ApiError(-1013, f"Filter failure: {name}")


def rejected(text: str) -> ApiError:
    """The matching engine does not take the order."""
    return ApiError(-2010, text)


def cancel_rejected(text: str) -> ApiError:
    return ApiError(-2011, text)


def unauthorized() -> ApiError:
    return ApiError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
