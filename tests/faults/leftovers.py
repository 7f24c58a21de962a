"""What something leaves behind: threads, open sockets and files."""

import contextlib
import gc
import threading
import time
import warnings

import psutil

_LOOKS, _BETWEEN = 1000, 0.005  # five seconds


@contextlib.contextmanager
def watched(problems):
    """Add to the list `problems` what the block leaves behind, and every warning, such as of sockets left open."""
    threads, files = set(threading.enumerate()), _open_files()
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        yield
        gc.collect()
    gone = poll(lambda: not set(threading.enumerate()) - threads and _open_files() <= files)
    if not gone:
        left = [thread.name for thread in set(threading.enumerate()) - threads]
        problems.append(f"left behind: threads {left}, {_open_files() - files} sockets or files")
    problems += [f"{complaint.category.__name__}: {complaint.message}" for complaint in complaints]


def poll(condition):
    """Whether `condition` comes true within some seconds.

    They are counted in looks: of the seconds for which a whole machine stands still, those that are waited for have nothing.
    """
    for _ in range(_LOOKS):
        if condition():
            return True
        time.sleep(_BETWEEN)
    return condition()


def _open_files():
    process = psutil.Process()
    return process.num_handles() if psutil.WINDOWS else process.num_fds()
