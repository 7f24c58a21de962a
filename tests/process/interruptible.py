"""A process that uses a client until it is interrupted. Its arguments: URL TRANSPORT ACTION.

Says ``interrupted``, then ``closed``. Reads lines: ``late`` raises SIGINT in a thread that is not the main one, so that
no step of the operating system is cut short by it; ``close`` closes the client; the end of the input ends the process.
"""

import signal
import sys
import threading
import time
import warnings

from rocketride_sync import RetryPolicy, RocketRideClient, TaskStatus

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
LONG = 50.0


def nap(_status: TaskStatus) -> None:
    """Sleep long, but not in one step: a signal just before a system call does not cut that short."""
    for _ in range(int(LONG)):
        time.sleep(1.0)


ACTIONS = {
    "status": lambda client: client.get_task_status(TOKEN),
    "wait": lambda client: client.wait_until_complete(TOKEN, interval=LONG),
    "many": lambda client: client.wait_all([TOKEN, "tk_other"], interval=LONG),
    "callback": lambda client: client.wait_until_complete(TOKEN, on_progress=nap),
    "send": lambda client: client.send(TOKEN, bytes(2**26)),
}


def obey(told_to_close: threading.Event) -> None:
    for line in sys.stdin:
        if line == "late\n":
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        else:
            told_to_close.set()


def main() -> None:
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", UserWarning)  # the key goes unencrypted
    uri, transport, action = sys.argv[1:]
    retry = RetryPolicy(initial_delay=LONG, max_delay=LONG, jitter=0)
    client = RocketRideClient(
        uri, "key", transport=transport, retry=retry, timeout=LONG + 10, connect_timeout=LONG
    )
    told_to_close = threading.Event()
    listener = threading.Thread(target=obey, args=(told_to_close,))
    listener.start()
    try:
        ACTIONS[action](client)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    told_to_close.wait()
    client.close()
    print("closed", flush=True)
    listener.join()
