"""JSON out, one encoder for everything."""

import msgspec

__all__ = ["encode_json"]

#: ``encode_json(value) -> bytes``: compact JSON.
encode_json = msgspec.json.Encoder().encode
