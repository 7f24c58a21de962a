"""A process that passes connections on to a server, and cuts one at random now and then.

    python cutting.py PORT_OF_THE_SERVER SEED

It says its own port; when its input ends, it says how many connections it cut, and ends.
"""

import random
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.proxy import Proxy

LONGEST_PAUSE = 0.3


def main():
    target, seed = map(int, sys.argv[1:])
    chance = random.Random(seed)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set())).start()
    cuts = 0
    with Proxy(target) as proxy:
        print(proxy.port, flush=True)
        while not over.wait(chance.uniform(0, LONGEST_PAUSE)):
            links = list(proxy.links)
            if links:
                chance.choice(links).cut()
                cuts += 1
    print(cuts, flush=True)


if __name__ == "__main__":
    main()
