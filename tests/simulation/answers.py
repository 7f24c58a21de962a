"""What the server answers to a request, of either kind: the commands and paths of PROTOCOL.md."""

from __future__ import annotations

import json

from .ends import NEWER
from .http_session import not_running

_SIMPLE = {
    "rrext_ping": {"pong": True},
    "rrext_validate": {"errors": [], "warnings": []},
    "rrext_services": {"services": {"webhook": {"title": "Webhook"}}},
    "rrext_get_pipeline": {"pipeline": None},
}


class Answers:
    """The answers of one server."""

    def __init__(self, server):
        self._server = server
        self._engine = server.engine

    def _status(self, run):
        document = self._engine.document(run)
        self._engine.answered.append(document["wordsCount"])
        return document

    # HTTP.

    def http_request(self, method, path, query, body, key, answer):
        locked = None if path == "/version" else self._server.admission.token_of(key)
        query = {**query, "token": locked or query.get("token")}
        if locked is False and str(key).startswith(("tk_", "pk_")):
            answer(400, {"status": "Error", "error": {"error": "Bad request"}})
        elif locked is False:
            answer(401, {"status": "Error", "error": {"error": "Access denied"}})
        elif path == "/task/data" and method == "POST":
            if self._engine.known.get(query.get("token")) is None:
                answer(*not_running())
            else:
                answer(200, {"status": "OK", "data": self._server.pipes.received(body)})
        elif path == "/version":
            answer(200, {"status": "OK", "data": {"version": "1.0", "hash": "h", "stamp": "s"}})
        elif path != "/task":
            answer(404, {"detail": "Not Found"})
        elif method == "POST":
            self._execute(json.loads(body), None, lambda run, error: self._started(run, error, answer))
        else:
            run = self._engine.known.get(query.get("token"))
            if run is None:
                answer(*not_running())
            elif method == "DELETE":
                self._engine.terminated.append(run)
                self._engine.terminate(run)
                self._when_ended(run, lambda _: answer(200, {"status": "OK"}))
            else:
                answer(200, {"status": "OK", "data": self._status(run)})

    def _started(self, run, error, answer):
        if error is None:
            answer(200, {"status": "OK", "data": {"token": run.token}})
        else:
            answer(400, {"status": "Error", "error": {"message": error, "file": "x.py", "lineno": 3}})

    # WebSocket.

    def websocket_request(self, session, request, command, arguments):
        run = self._engine.known.get(session.locked_to or arguments.get("token"))
        if command == "rrext_get_task_status":
            if run is None:
                session.not_running(request)
            else:
                session.answer(request, self._status(run))
        elif command == "rrext_monitor":
            if run is None:
                session.not_running(request)
            else:
                session.subscribe(request, run.project, run.source, arguments["types"])
        elif command == "terminate":
            if run is None:
                session.not_running(request)
            else:
                self._engine.terminated.append(run)
                self._engine.terminate(run)
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
                self._server.pipes.command(session, request, arguments)
        elif command in ("rrext_get_tasks", "rrext_get_token", "restart"):
            self._about_tasks(session, request, command, arguments, run)
        elif command == "rrext_log" and self._engine.generation == NEWER and session.is_public:
            session.answer(request, error="Permission 'task.monitor' denied for this API key")
        elif command == "rrext_log" and self._engine.generation == NEWER:
            self._engine.log.answer(session, request, arguments)
        elif command in _SIMPLE:
            session.answer(request, _SIMPLE[command])
        else:
            session.answer(request, error=f"Invalid command: {command}")

    def _about_tasks(self, session, request, command, arguments, run):
        known = self._engine.known.values()
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
            self._engine.restarted.append(run)
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
        self._engine.executed.append(pipeline["mark"])
        token = pipeline["token"]
        old = self._engine.known.get(token)
        if old is not None and old.active:
            then(old, None if (arguments or {}).get("useExisting") else "Pipeline is already running.")
            return
        plan = pipeline["plan"]
        run = self._engine.start(
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
