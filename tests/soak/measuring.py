"""What this process holds, and whether it grows."""

import psutil

MIB = 2**20
_ROOM = {"memory": 24 * MIB, "files": 40, "threads": 8}


def measure():
    """Bytes of memory, open files and sockets, threads."""
    process = psutil.Process()
    files = process.num_handles() if psutil.WINDOWS else process.num_fds()
    return {"memory": process.memory_info().rss, "files": files, "threads": process.num_threads()}


def growth(samples):
    """What the second half of `samples` has more than the first, beyond what may come and go; a list of complaints."""
    half = len(samples) // 2
    found = []
    for name, room in _ROOM.items():
        # The beginning of the first half is still on its way up.
        first = max(sample[name] for sample in samples[half // 2 : half])
        second = max(sample[name] for sample in samples[half:])
        if second > first + room:
            found.append(f"{name} grew from {first} to {second}")
    return found
