"""The actors, and the runtimes that host them.

venue               one account's connection to one venue: the only place an order can leave from; its parts are
                    venue_orders (the order path), venue_events (what the venue tells), venue_kill, venue_core
                    (what the parts share), venue_lease (lease and budgets), venue_throttle (who fired too often),
                    venue_records (the journal), venue_status and venue_counters
reconciliation      asking the venue what is true; order_search is the last look before "never there", lost_orders finds
                    what a power cut took out of the journal
cancel_until_none   cancelling until the venue says that nothing is left
report_delivery     every report to its strategy, in order, once
strategy            hosts a user's strategy; strategy_source finds it, user_code tells what went wrong in it,
                    printed what it prints
router              one instrument at several venues for one strategy; routed_markets: its venues' markets,
                    venue_attachments: its links to venue actors, router_journal: what it remembers; venue_condition
                    tells it where orders can leave
risk                grants leases to an account's venue actors, and watches them; risk_budgets its journalled escrow,
                    enabling_desk where a person lets a throttled strategy go on
account_exposure    what an account and its strategies are exposed to; firm_exposure adds up the accounts
watch               an account's triggers: fed by telemetry, presses the kill switch; trigger_specs configures it
telemetry           what a venue actor tells its risk actor ten times a second; balance_watch compares what the venue
                    holds with our fills
kill_switch         owns the kill state; latch_keeper its hand on the latch, release_desk where kills end, drill: kills
                    that end by themselves
fencing             what it does about venue actors that do not answer, with node_agent (ends their processes, keeps the
                    latch of a host of its own: host_latch, node_leases) and undertaker (cancels what they left open);
                    cancel_desk asks undertakers when no kill switch is alive
scope_kill          one scope of kills at a venue actor; flatten closes its positions
epochs              lives of a grantor; boot tells boots of a host apart
wiring, places      who talks to whom; names and files; sessions: a venue's settings as an adapter's session
runtime/            Ray, local, virtual time
"""
