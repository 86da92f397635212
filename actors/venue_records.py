"""What a venue actor writes to its journal: everything that changes its orders, in the order in which it happened.

The blotter is a function of these records, so a new life of the actor has the same orders, positions and report numbers.
The evolution rules of ``engine/messages.py`` hold.
"""

import msgspec

from engine.messages import CancelOrder, NewOrder, ReplaceOrder
from engine.venue import InstrumentDefined, OrderEvent

__all__ = ["Reconciled", "VenueRecord", "decode_record", "encode_record"]


class Reconciled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=140):
    """Every trade of the instrument up to ``last_trade_id`` has been compared with the venue."""

    instrument_id: int
    last_trade_id: str


VenueRecord = NewOrder | ReplaceOrder | CancelOrder | OrderEvent | InstrumentDefined | Reconciled

encode_record = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[VenueRecord] = msgspec.msgpack.Decoder(VenueRecord)
decode_record = _decoder.decode
