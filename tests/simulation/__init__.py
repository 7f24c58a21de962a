"""The real client in simulated time: against a virtual network and a virtual server, with faults that a seed chooses.

    world.py              virtual time, and the events that happen in it
    connections.py        virtual TCP connections
    virtual_socket.py     the sockets that the client holds
    network.py            connecting, and what goes wrong with it
    seams.py              puts virtual time and virtual sockets in place of the real ones
    virtual_threads.py    threads of the client, of which one runs at a time
    engine.py             tasks and their runs: what truly happened
    ends.py               how a run can end, and what a server of either generation makes of that
    frames.py             WebSocket frames, as the server reads and writes them
    http_session.py       the server's side of an HTTP connection
    websocket_session.py  the server's side of a WebSocket connection
    server.py             its process; what a proxy in front of it does
    answers.py            what it answers to a request
    admission.py          whom it lets in: slots and credentials
    faults.py             which faults a life has, and when
    oracle.py             what a client that was told this may say
    invariants.py         what must be true of each call
    wait_check.py         what must be true of a wait; afterwards.py: after a life
    life.py               one life of one client
    actions.py            what it does in that life
    many.py               the same for many tasks at once
    sending.py            the same for objects and files; data_pipes.py: the server's side of it
    short_lives.py        one short life of each method; methods.py: as kinds of lives
    old_failures.py       what failed once, as lives that are written down; old_lost_runs.py: of runs that were lost
    interrupts.py         Ctrl-C at a chosen line
    walking.py            `make interrupts`: at every line
    planting.py           `make plant`: faults put into a copy, each of which must be found; plants.py: these faults
    running.py            many lives, in several processes; the table
    __main__.py           the command line

Each life runs in a process that the ordinary tests do not share: the clock of the whole package is replaced in it.
"""
