"""The floor: a script that answers a tick with an order, in one process, with no risk check and no journal.

    python -m bench.rig.floor SYMBOL STREAMS_PORT ORDERS_PORT API_KEY_FILE SECRET_FILE [CA_FILE]

The engine's own libraries (uvloop, websockets' sans-I/O protocol, msgspec, cryptography), and the shortest way through
them: two connections, one callback from the tick's bytes to the order's. With CA_FILE order entry is over TLS. SIGUSR1
starts or ends spinning: then the loop polls its sockets without ever going to sleep.
"""

import asyncio
import base64
import random
import signal
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adapters.websocket import WebSocketClient, masked_text

__all__ = ["main"]

_MESSAGE_BYTES_MAX = 1 << 20
_QUANTITY = "0.00100"


class _Ticker(msgspec.Struct):
    bid: str = msgspec.field(name="b")
    lots: str = msgspec.field(name="B")


class _Tick(msgspec.Struct):
    data: _Ticker


_decode_tick = msgspec.json.Decoder(_Tick).decode


class _Link(asyncio.Protocol):
    def __init__(self, uri: str, on_open: Callable[[], None], on_message: Callable[[bytes], None]) -> None:
        self._client = WebSocketClient(uri, _MESSAGE_BYTES_MAX)
        self._on_open, self._on_message = on_open, on_message
        self._was_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._client.handshake())

    def data_received(self, data: bytes) -> None:
        client = self._client
        for message in client.receive(data):
            self._on_message(message)
        if client.has_outgoing:
            self._transport.write(client.outgoing())
        if not self._was_open and client.is_open:
            self._was_open = True
            self._on_open()

    def connection_lost(self, error: Exception | None) -> None:
        sys.exit(f"floor: a link was lost: {error}")

    def send(self, text: str) -> None:
        self._transport.write(masked_text(text.encode(), random.getrandbits(32)))


class _Floor:
    def __init__(self, symbol: str, port: int, api_key: str, key: Ed25519PrivateKey, ca_file: str) -> None:
        self._symbol, self._port, self._api_key, self._key, self._ca_file = symbol, port, api_key, key, ca_file
        self._prefix = f"floor-{time.time_ns() // 1_000_000:x}-"
        self._count = 0
        self._spins = False
        self._loop = asyncio.get_running_loop()

    async def start(self, streams_port: int) -> None:
        scheme = "wss" if self._ca_file else "ws"
        uri = f"{scheme}://localhost:{self._port}/ws-api/v3"
        self._orders = _Link(uri, self._log_on, self._on_answer)
        context = ssl.create_default_context(cafile=self._ca_file) if self._ca_file else None
        await self._loop.create_connection(lambda: self._orders, "localhost", self._port, ssl=context)
        stream = f"ws://localhost:{streams_port}/stream?streams={self._symbol.lower()}@bookTicker"
        streams = _Link(stream, lambda: None, self._on_tick)
        self._logged_on = asyncio.Event()
        await self._logged_on.wait()
        await self._loop.create_connection(lambda: streams, "localhost", streams_port)

    def _log_on(self) -> None:
        timestamp = time.time_ns() // 1_000_000
        payload = f"apiKey={self._api_key}&timestamp={timestamp}"
        signature = base64.b64encode(self._key.sign(payload.encode())).decode()
        self._orders.send(
            f'{{"id":1,"method":"session.logon","params":{{"apiKey":"{self._api_key}","timestamp":{timestamp},'
            f'"signature":"{signature}"}}}}'
        )

    def _on_answer(self, message: bytes) -> None:
        if message.startswith(b'{"id":1,'):
            if b'"status":200' not in message:
                sys.exit(f"floor: not logged on: {message.decode()}")
            self._orders.send('{"id":2,"method":"userDataStream.subscribe"}')
            self._logged_on.set()

    def _on_tick(self, message: bytes) -> None:
        ticker = _decode_tick(message).data
        for _ in range(int(ticker.lots.replace(".", ""))):  # a lot is the last of the text's decimals
            self._order(ticker.bid)

    def _order(self, bid: str) -> None:
        self._count += 1
        client_order_id = f"{self._prefix}{self._count}"
        self._orders.send(
            f'{{"id":"{client_order_id}","method":"order.place","params":{{"newClientOrderId":"{client_order_id}",'
            f'"symbol":"{self._symbol}","side":"BUY","type":"LIMIT","timeInForce":"IOC","newOrderRespType":"ACK",'
            f'"quantity":"{_QUANTITY}","price":"{bid}","timestamp":{time.time_ns() // 1_000_000}}}}}'
        )

    def toggle_spin(self) -> None:
        self._spins = not self._spins
        if self._spins:
            self._loop.call_soon(self._spin)

    def _spin(self) -> None:
        if self._spins:
            self._loop.call_soon(self._spin)


async def _main(symbol: str, streams_port: int, port: int, api_key_file: str, secret_file: str, ca_file: str) -> None:
    key = load_pem_private_key(Path(secret_file).read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    floor = _Floor(symbol, port, Path(api_key_file).read_text().strip(), key, ca_file)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, floor.toggle_spin)
    await floor.start(streams_port)
    await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """SYMBOL, port of the streams, port of order entry, API key file, secret file, CA file or nothing."""
    symbol, streams_port, port, api_key_file, secret_file, *ca_file = arguments
    uvloop.run(_main(symbol, int(streams_port), int(port), api_key_file, secret_file, "".join(ca_file)))


if __name__ == "__main__":
    main(sys.argv[1:])
