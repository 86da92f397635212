"""User data by listen key, as the venue offered it until it took it away, for peers that still ask for it.

``POST /api/v3/userDataStream`` with an API key gives a name; whoever subscribes to that name on the market streams gets
the account's events. ``PUT`` and ``DELETE`` change nothing.
"""

from collections.abc import Callable, Iterable

from adapters.simulator.binance import SimAccount
from adapters.simulator.binance.orders import Stamp, milliseconds
from adapters.simulator.binance.streams import StreamConnection
from adapters.simulator.encoding import encode_json
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.websocket_server import text_frame

__all__ = ["ListenKeys"]

_PATH = "/api/v3/userDataStream"


class ListenKeys:
    def __init__(self, accounts: Iterable[SimAccount]) -> None:
        self._account_of = {key.api_key: account.name for account in accounts for key in account.keys}

    def respond(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request for a listen key; None for any other request."""
        if request.target.partition("?")[0] != _PATH:
            return None
        account = self._account_of.get(request.headers.get("x-mbx-apikey", ""))
        if account is None:
            return HttpResponse(401, b'{"code":-2015,"msg":"Invalid API-key."}')
        body: dict[str, object] = {"listenKey": _listen_key(account)} if request.method == "POST" else {}
        return HttpResponse(200, encode_json(body))

    def tell(
        self, account: str, render: Callable[[Stamp], dict[str, object]], connections: Iterable[StreamConnection]
    ) -> None:
        """Give an account's event to those of the connections that follow its key."""
        name = _listen_key(account)
        for connection in connections:
            if name in connection.streams:
                event = encode_json(render(milliseconds))
                if connection.is_combined:
                    event = b'{"stream":%b,"data":%b}' % (encode_json(name), event)
                connection.send_frame(text_frame(event))


def _listen_key(account: str) -> str:
    return f"listenkey{account}"
