"""A server that is ended, politely or not, and started again on the same port, every few seconds."""

import http.client
import threading

from rocketride_sync import RocketRideError
from rocketride_sync.emulator import Emulator

KEY = "testkey-123"
UP_SECONDS = (2.0, 7.0)
_SETTINGS = {"init_seconds": 0, "handshake_seconds": 0.001, "early_end": 0, "stop_seconds": 0}


class UnsteadyServer:
    """A context manager.

    Attributes:
        generation: a task is lost if this changes from before its start to the end of the wait for it.
        restarts: how often it was ended so far.
    """

    def __init__(self, chance):
        self._chance = chance
        self._emulator = Emulator(api_key=KEY, **_SETTINGS)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._restart_again_and_again)
        self._fault = None
        self.generation = self.restarts = 0

    def __enter__(self):
        self._emulator.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._over.set()
        self._thread.join()
        self._emulator.stop()
        if self._fault is not None:
            raise self._fault

    @property
    def port(self):
        return self._emulator.port

    def start(self, pipeline):
        """The token of a new task, or None if the server is just being restarted."""
        try:
            return self._emulator.start(pipeline)
        except (OSError, ValueError, http.client.HTTPException, RocketRideError):
            return None

    def _restart_again_and_again(self):
        try:
            while not self._over.wait(self._chance.uniform(*UP_SECONDS)):
                self.generation += 1
                self.restarts += 1
                end = self._chance.choice((self._emulator.stop, self._emulator.kill))
                end()
                self.generation += 1  # it may have started tasks while it was ended
                self._emulator.restart()
        except Exception as fault:
            self._fault = fault
