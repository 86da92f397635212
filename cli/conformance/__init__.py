"""What every venue's adapter has to pass: one suite, run by ``haltline venues check`` and by the tests.

======================  ===============================================================================================
``suite``               every row, every venue
``row``                 a row and its result
``rows_connecting``     from nothing to live; keys and clocks
``rows_orders``         the life of an order; rejects
``rows_doubt``          what is lost, doubled, late, out of order
``rows_links``          links that break in every state; later lives
``rows_books``          books, and rate limits
``rows_messages``       fields and values that nobody knows
``desk``                session, blotter and reconciliation against a simulated venue
``wire``                between the two: links, time and chance
``transit``             what a venue sends, changed on its way
``venue_host``          the simulated venue's runtime there
``quiet_market``        a market in which only the row acts
``stage``, ``stages/``  what the suite needs of one venue
``row_names``           names of rows that some venue is excused from
======================  ===============================================================================================

A new venue writes a stage, and its simulator a fault target (``adapters/simulator/faults``): see
``docs/venues/conformance.md``.
"""
