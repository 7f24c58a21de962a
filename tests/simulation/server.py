"""The server: what it answers to a request of either kind, and what stands between its answers and the client."""

from __future__ import annotations

import errno
import json

from .admission import Admission
from .data_pipes import DataPipes
from .ends import NEWER
from .http_session import HttpSession, not_running
from .seams import BASE

_SIMPLE = {
    "rrext_ping": {"pong": True},
    "rrext_validate": {"errors": [], "warnings": []},
    "rrext_services": {"services": {"webhook": {"title": "Webhook"}}},
    "rrext_get_pipeline": {"pipeline": None},
}
KEY = "key-that-nobody-may-see-4711"


class Server:
    """One server process after the other, at one address.

    Attributes:
        alive: whether there is a process.
        garbled: how many answers were garbled.
        idle_closings: when connections were closed that were idle for too long.
    """

    def __init__(self, world, engine, faults, network):
        self.world = world
        self.engine = engine
        self.faults = faults
        self.network = network
        self.key = KEY
        self.alive = True
        self.garbled = 0
        self.idle_closings = []
        self.thinking = 10 ** world.rng.uniform(-4, -2)
        self.pipes = DataPipes(self)
        self.admission = Admission(self)
        for fault in faults.all:
            self._plan(fault)

    def _plan(self, fault):
        network = self.network
        if fault.kind in ("restart", "killed"):
            self.world.at(fault.begin, self._die, fault)
        elif fault.kind == "reset":
            self.world.at(fault.begin, self._moment, fault, network.reset_all, "by the network")
        elif fault.kind == "half-close":
            self.world.at(fault.begin, self._moment, fault, network.close_all)
        elif fault.kind == "silence":
            self.world.at(fault.begin, self._moment, fault, self.silence)

    def _moment(self, fault, step, *args):
        if not self.faults.over:
            self.faults.count(fault.kind)
            self.world.tell("%s", fault.kind)
            step(*args)

    def silence(self):
        """Nothing arrives any more over the connections that there are, and nobody is told."""
        for connection in self.network.connections:
            if not connection.gone:
                connection.route.silent = True

    def _die(self, fault):
        if self.faults.over or not self.alive:
            return
        self.faults.count(fault.kind)
        self.world.tell("the server dies: %s", fault.kind)
        for connection in self.network.connections:
            if fault.kind == "restart" and hasattr(connection.session, "subscribed"):
                connection.session.close(1012)
            elif fault.variant % 2:
                connection.reset("its process is dead")
            else:
                connection.close()
        self.alive = False
        self.engine.lose_all()
        self.world.at(fault.end, self._return)

    def _return(self):
        if not self.alive:
            self.alive = True
            self.world.tell("the server is back, and knows nothing")

    def heal(self):
        self.faults.heal()
        for connection in self.network.connections:
            if connection.route.silent:
                connection.to_client.fail(errno.ECONNRESET)
                connection.close()
        self._return()

    def accept(self, connection):
        connection.session = HttpSession(self, connection)

    def think(self):
        # Without faults a poll takes less than twice as long as the one before: that is what the last poll relies on.
        seconds = self.thinking * (
            self.world.rng.uniform(0.75, 1.25) if self.faults.calm else self.world.rng.uniform(0.3, 4.0)
        )
        slow = self.faults.now("slow answers")
        if slow:
            seconds += 10 ** (slow.variant / 1000 * 2 - 0.5)  # 0.3 to 30 s
        return seconds

    def spoil(self, connection, answer):
        """Send `answer`, or what is left of it; whether all of it was sent."""
        cut = self.faults.now("cut answers")
        if cut:
            connection.write(answer[: self.world.rng.randrange(len(answer))])
            if cut.variant % 2:
                connection.to_client.fail(errno.ECONNRESET, connection.route.latency * 3)
                connection.gone = True
            connection.close()
            return False
        if self.faults.now("garbage"):
            place = self.world.rng.randrange(len(answer))
            answer = answer[:place] + b"\xff\x00\xfe" + answer[place:]
            self.garbled += 1
            self.world.tell("connection %s: garbage at byte %s", connection.number, place)
        connection.write(answer)
        return True

    # HTTP.

    def http_request(self, method, path, query, body, key, answer):
        locked = None if path == "/version" else self.admission.token_of(key)
        query = {**query, "token": locked or query.get("token")}
        if locked is False and str(key).startswith(("tk_", "pk_")):
            answer(400, {"status": "Error", "error": {"error": "Bad request"}})
        elif locked is False:
            answer(401, {"status": "Error", "error": {"error": "Access denied"}})
        elif path == "/task/data" and method == "POST":
            if self.engine.known.get(query.get("token")) is None:
                answer(*not_running())
            else:
                answer(200, {"status": "OK", "data": self.pipes.received(body)})
        elif path == "/version":
            answer(200, {"status": "OK", "data": {"version": "1.0", "hash": "h", "stamp": "s"}})
        elif path != "/task":
            answer(404, {"detail": "Not Found"})
        elif method == "POST":
            self._execute(json.loads(body), None, lambda run, error: self._started(run, error, answer))
        else:
            run = self.engine.known.get(query.get("token"))
            if run is None:
                answer(*not_running())
            elif method == "DELETE":
                self.engine.terminated.append(run)
                self.engine.terminate(run)
                self._when_ended(run, lambda _: answer(200, {"status": "OK"}))
            else:
                answer(200, {"status": "OK", "data": self.engine.document(run)})

    def _started(self, run, error, answer):
        if error is None:
            answer(200, {"status": "OK", "data": {"token": run.token}})
        else:
            answer(400, {"status": "Error", "error": {"message": error, "file": "x.py", "lineno": 3}})

    # WebSocket.

    def websocket_request(self, session, request, command, arguments):
        run = self.engine.known.get(session.locked_to or arguments.get("token"))
        if command == "rrext_get_task_status":
            if run is None:
                session.not_running(request)
            else:
                session.answer(request, self.engine.document(run))
        elif command == "rrext_monitor":
            if run is None:
                session.not_running(request)
            else:
                session.subscribe(request, run.project, run.source, arguments["types"])
        elif command == "terminate":
            if run is None:
                session.not_running(request)
            else:
                self.engine.terminated.append(run)
                self.engine.terminate(run)
                self._when_ended(run, lambda _: session.answer(request))
        elif command == "execute":
            self._execute(
                arguments["pipeline"],
                arguments,
                lambda run, error: self._executed(session, request, run, error),
            )
        elif command == "rrext_process":
            if run is None:
                session.not_running(request)
            else:
                self.pipes.command(session, request, arguments)
        elif command in ("rrext_get_tasks", "rrext_get_token", "restart"):
            self._about_tasks(session, request, command, arguments, run)
        elif command == "rrext_log" and self.engine.generation == NEWER and session.is_public:
            session.answer(request, error="Permission 'task.monitor' denied for this API key")
        elif command == "rrext_log" and self.engine.generation == NEWER:
            self.engine.log.answer(session, request, arguments)
        elif command in _SIMPLE:
            session.answer(request, _SIMPLE[command])
        else:
            session.answer(request, error=f"Invalid command: {command}")

    def _about_tasks(self, session, request, command, arguments, run):
        known = self.engine.known.values()
        if command == "rrext_get_tasks":
            rows = [
                {"token": run.token, "projectId": run.project, "source": run.source}
                for run in known
                if run.active
            ]
            session.answer(request, {"tasks": rows})
            return
        if command == "rrext_get_token":
            place = (arguments["projectId"], arguments["source"])
            run = next((run for run in known if (run.project, run.source) == place), None)
        if run is None:
            session.not_running(request)
        elif command == "rrext_get_token":
            session.answer(request, {"token": run.token})
        else:
            self.engine.restarted.append(run)
            self._executed(session, request, run, None)

    def _executed(self, session, request, run, error):
        if error is not None:
            session.answer(request, error=error)
            return
        body = {
            "id": "x",
            "token": run.token,
            "publicToken": "pk_0",
            "projectId": run.project,
            "source": run.source,
        }
        session.answer(request, {**body, "provider": "python"})

    def _execute(self, pipeline, arguments, then):
        pipeline = pipeline.get("pipeline", pipeline)
        self.engine.executed.append(pipeline["mark"])
        token = pipeline["token"]
        old = self.engine.known.get(token)
        if old is not None and old.active:
            then(old, None if (arguments or {}).get("useExisting") else "Pipeline is already running.")
            return
        plan = pipeline["plan"]
        run = self.engine.start(
            token,
            pipeline["project_id"],
            pipeline["source"],
            plan["how"],
            starting=plan["starting"],
            seconds=plan["seconds"],
            lingering=plan["lingering"],
        )

        def running(run):
            then(run, None if run.ended is None else run.exit_message or "Task has already completed")

        run.when_running.append(running)

    def _when_ended(self, run, then):
        if run.active:
            run.when_ended.append(then)
        else:
            then(run)

    def unix_time(self):
        return BASE + self.world.now
