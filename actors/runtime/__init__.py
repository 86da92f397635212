"""Runtimes: they host actors, and an actor cannot tell in which one it is.

spec             what to host: actors by import path, their resources, the bounds of a host
dispatch         calls handlers one at a time; messages between co-hosted actors
host             actors on a real loop: clock, timers, sockets
stream           a raw socket, with or without TLS
peer, peers      framed links between actors of different hosts
links            outside links: opened and listened for
tls              TLS on memory buffers; the local authority
directory        where an actor's host can be reached
durability       forces journals to the disk, beside the loop
fence            ends another host's process for certain
timers           keyed timers as data
log              JSON lines for people
local            every actor in this process
ray              every host a process that Ray owns (the only module that imports Ray)
virtual          virtual time, with virtual_time, virtual_host, virtual_network and weather
observer         the client of the command line and of tests
"""
