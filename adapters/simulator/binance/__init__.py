"""A simulated Binance spot venue that speaks the real protocol.

==================  =============================================================================
``venue``           the actor: connections, timers, everything on one port
``settings``        accounts, keys, limits, options
``connections``     HTTP until the upgrade, then WebSocket API or market streams; pings
``rest``            REST requests and headers
``ws_api``          the WebSocket API's envelope, authentication and user data
``sessions``        one WebSocket API connection's logon and subscriptions
``streams``         market streams
``operations``      the table of operations that both APIs share
``call``            one request on its way
``order_entry``     a new order's parameters
``waiting``         orders that wait for a trigger
``order_lists``     OCO, OTO, OTOCO
``list_entry``      a list's parameters
``trading``         place, cancel, replace, amend
``queries``         market data and account queries
``exchange``        orders, the markets' events, balances
``order_index``     finding orders and trades
``orders``          an order's record and its shapes in answers
``user_stream``     the events of the user data stream
``sweep``           what a market order costs
``filters``         a symbol's filters and its exchangeInfo entry
``limits``          rate limits and bans
``auth``            keys, signatures, timestamps
``parameters``      reading parameters
``listing``         one symbol
``identifiers``     client order ids that the venue makes up
``errors``          what the venue answers when it says no
``status``          counters
==================  =============================================================================
"""

from adapters.simulator.binance.settings import SimAccount, SimKey, VenueLimits, VenueOptions
from adapters.simulator.binance.venue import SimulatedBinance

__all__ = ["SimAccount", "SimKey", "SimulatedBinance", "VenueLimits", "VenueOptions"]
