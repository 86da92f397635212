"""Our client order ids ↔ the venue's ``cl_ord_id``.

The venue takes free ASCII text of at most 18 characters, or 32 hexadecimal digits (a UUID). Ours are longer, mostly:
one of up to 18 characters goes as it is, any other as a digest of 128 bits. So an id always has the same name at
the venue, in any life of an actor; back from the digest goes only who still knows the id.
"""

import hashlib
import re

from engine.errors import UsageError

__all__ = ["CLIENT_ORDER_ID", "ClientIds", "name_of", "venue_id"]

#: An id that breaks this is refused before it gets here, and never gets past here.
CLIENT_ORDER_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_PLAIN_MAX = 18
_REMEMBERED_MAX = 200_000


def venue_id(client_order_id: str) -> str:
    """Raises UsageError for an id that breaks ``CLIENT_ORDER_ID``."""
    if CLIENT_ORDER_ID.fullmatch(client_order_id) is None:
        raise UsageError(f"client order id {client_order_id!r}: 1 to 36 of A-Z, a-z, 0-9, - and _")
    if len(client_order_id) <= _PLAIN_MAX:
        return client_order_id
    return hashlib.blake2b(client_order_id.encode(), digest_size=16).hexdigest()


def name_of(cl_ord_id: str | None) -> str:
    """The venue's name in one spelling: it may write a digest as a UUID; "" when there is none."""
    name = cl_ord_id or ""
    return name.replace("-", "").lower() if _UUID.fullmatch(name) is not None else name


class ClientIds:
    """Remembers the ids that went to the venue as digests; the oldest are forgotten."""

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}

    def to_venue(self, client_order_id: str) -> str:
        """Raises UsageError as ``venue_id`` does."""
        name = venue_id(client_order_id)
        if name != client_order_id and name not in self._ours:
            if len(self._ours) >= _REMEMBERED_MAX:
                del self._ours[next(iter(self._ours))]
            self._ours[name] = client_order_id
        return name

    def to_ours(self, cl_ord_id: str | None) -> str:
        """The id that the venue's name stands for; the name itself when nobody here has sent it."""
        name = name_of(cl_ord_id)
        return self._ours.get(name, name)
