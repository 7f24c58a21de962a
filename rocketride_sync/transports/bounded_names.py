"""Name look-ups that end in time. They take a thread, so calls do without: only a check of the connection looks up so."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, Dict, Iterator, List, Sequence, Union

from ..deadline import SLICE, Deadline
from . import tcp


@contextlib.contextmanager
def names_within(deadline: Deadline) -> Iterator[None]:
    """Within the block each name is looked up once, and by `deadline`; after that it is a `socket.timeout`."""
    network = tcp.system_network
    tcp.system_network = _BoundedNames(network, deadline)
    try:
        yield
    finally:
        tcp.system_network = network


class _BoundedNames(tcp.SystemNetwork):
    """The system's network, which looks up each name once, and within a deadline: in a thread, for it cannot be stopped."""

    def __init__(self, network: tcp.SystemNetwork, deadline: Deadline) -> None:
        self._deadline = deadline
        self._resolve = network.resolve
        self.make_socket = network.make_socket  # type: ignore[method-assign]
        self.is_writable = network.is_writable  # type: ignore[method-assign]
        self._found: Dict[Any, Sequence[Any]] = {}

    def resolve(self, host: Union[str, bytes], port: int) -> Sequence[Any]:
        found = self._found.get(host)
        if found is None:
            found = self._found[host] = self._resolve_in_time(host, port)
        return [(*entry[:4], (entry[4][0], port, *entry[4][2:])) for entry in found]

    def _resolve_in_time(self, host: Union[str, bytes], port: int) -> Sequence[Any]:
        results: List[Any] = []

        def look_up() -> None:
            try:
                results.append(self._resolve(host, port))
            except Exception as error:  # noqa: BLE001 - raised where it is awaited
                results.append(error)

        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        while thread.is_alive() and not self._deadline.expired:
            thread.join(min(SLICE, self._deadline.remaining()))
        if not results:
            raise socket.timeout("the name was not looked up in time")
        if isinstance(results[0], Exception):
            raise results[0]
        found: Sequence[Any] = results[0]
        return found
