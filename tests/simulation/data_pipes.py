"""Objects that are sent to a task: what arrives of each, over either transport. An object begins with its mark and a bar."""

from __future__ import annotations

OVERLOAD = "server rejected WebSocket connection: HTTP 403"


class DataPipes:
    """The objects of one server.

    Attributes:
        begun: the marks of the objects of which a piece arrived, each time that it began to.
        whole: the marks of those that arrived whole, with their bytes.
    """

    def __init__(self, server):
        self._server = server
        self._open = {}
        self._latest = 0
        self.begun = []
        self.whole = {}

    def _result(self, data):
        mark = self._mark(data)
        self.whole[mark] = data
        return {"name": "x", "path": "", "objectId": mark, "result_types": {"text": "text"}, "text": [mark]}

    @staticmethod
    def _mark(data):
        return bytes(data).partition(b"|")[0].decode("latin-1")

    def received(self, data):
        """An object came over HTTP."""
        self.begun.append(self._mark(data))
        return {
            "objectsRequested": 1,
            "objectsCompleted": 1,
            "resultTypes": {"text": "text"},
            "objects": {"x": {"status": "OK", **self._result(data)}},
        }

    def command(self, session, request, arguments):
        """`rrext_process` over WebSocket."""
        refused = self._server.faults.now("overload")
        step = arguments["subcommand"]
        if step == "open":
            if refused:
                session.answer(request, error=OVERLOAD)
                return
            self._latest += 1
            self._open[self._latest] = bytearray()
            session.answer(request, {"pipe_id": self._latest})
            return
        data = self._open.get(arguments["pipe_id"])
        if data is None:
            session.answer(request, error="No such pipe")
        elif step == "write":
            if not data:
                self.begun.append(self._mark(arguments["data"]))
            data += arguments["data"]
            session.answer(request, error=OVERLOAD if refused else None)
        else:
            del self._open[arguments["pipe_id"]]
            if refused or not data:
                session.answer(request, error=OVERLOAD if refused else "Nothing came")
            else:
                session.answer(request, self._result(data))
