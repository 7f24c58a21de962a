"""examples/*.pipe, on a server that refuses what ends at once, as a real one does."""

from example import EXAMPLES, GENEROUS

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator


def test_nightly_can_be_started_with_the_two_texts_of_the_tutorial(tmp_path):
    for name in ("fox.txt", "hamlet.txt"):
        (tmp_path / name).write_text("one two three")
    with Emulator(root=tmp_path, init_seconds=0, stop_seconds=0) as server:
        with RocketRideClient(server.uri, "any") as client:
            task = client.use(filepath=EXAMPLES / "nightly.pipe")
            assert task.wait_until_complete(timeout=GENEROUS).completed_count == 2
