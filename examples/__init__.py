"""Two strategies worth reading: ``quoter`` keeps a two-sided market, ``taker`` crosses the spread now and then."""
