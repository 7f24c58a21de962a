"""Hundreds of tasks on a server that is restarted every few seconds, over connections that are cut at random.

    cutting.py    a process between clients and server, which cuts their connections
    serving.py    the server, which is restarted again and again
    working.py    threads that start tasks and wait for them, and what must come of each
    measuring.py  memory, open files and threads, and whether they grow
    running.py    all of it together, for some time

``make soak`` runs it for five minutes, ``python -m tests.soak --seconds 3600`` for an hour; the test is a short one.
"""
