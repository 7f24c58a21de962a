"""The fault table: what a call and a wait make of every way in which a network or a server can fail.

    proxy.py        a proxy on loopback that spoils connections at a given moment
    spoiling.py     the ways in which it does
    scene.py        everything that faults happen to: server, proxy, name service, certificates
    happenings.py   faults: how each begins and ends
    table.py        the rows and cells of the table, with what is documented for each
    running.py      one cell: runs it and tells what was wrong
    leftovers.py    sockets, threads and files that were left behind
    report.py       the table in docs/reliability.md

``make faults`` runs all cells with tight limits and writes the table; the tests run the same with seconds of room.
"""
