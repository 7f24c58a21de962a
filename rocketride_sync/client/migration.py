"""What takes the place of each name of the asynchronous client, `rocketride` 1.5.0, that this client does not have.

The one table: of errors, which show these texts without backquotes, and of docs/migrating.md (`make generate`). A test
compares it with that client.
"""

from __future__ import annotations

from typing import Dict, Optional

_EVENTS = "`iter_task_status()`; waits learn of the end of a task by themselves"
_FRAMES = "nothing: messages of the protocol are not made by hand; `call()` sends any command"
_STORE = 'nothing of its own; `call("rrext_store", subcommand=…)`, which carries no binary data'
_APPS = 'nothing of its own; `call("rrext_deploy_app", subcommand=…)`'
_PROFILE = 'nothing of its own; `call("rrext_cprofile_…", …)`'
_DASHBOARD = 'nothing of its own; `call("rrext_dashboard")`, `call("rrext_list_…", …)`; `get_tasks()` lists running tasks'
_CONNECTED = "nothing: the first call connects, and a lost connection is replaced; `ping()` asks whether the server answers"
_LOGIN = "nothing: the first call authenticates, with `auth=`"
_CALLBACK = "nothing: there is no connection to be told of; the log says what becomes of them"
_LOG = "`logging.getLogger('rocketride_sync')`"

NAMES: Dict[str, str] = {
    "connect": "nothing: the first call connects",
    "attach": "nothing: the first call connects",
    "disconnect": "`close()`",
    "detach": "`close()`",
    "logout": "`close()`",
    "login": _LOGIN,
    "is_connected": _CONNECTED,
    "is_attached": _CONNECTED,
    "is_authenticated": _CONNECTED,
    "get_connection_info": _CONNECTED,
    "get_apikey": "nothing: the key is not given away",
    "normalize_uri": "nothing: `uri=` takes every form, but without `/task/service` at its end",
    "resolve_endpoints": "nothing",
    "set_env": "`use(env=…)`",
    "set_events": _EVENTS,
    "add_monitor": _EVENTS,
    "remove_monitor": _EVENTS,
    "clear_all_monitors": _EVENTS,
    "on_event": _EVENTS,
    "on_connected": _CALLBACK,
    "on_disconnected": _CALLBACK,
    "on_connect_error": _CALLBACK,
    "on_receive": _CALLBACK,
    "identify": "nothing: the server gets the name and version of this library",
    "debug_message": _LOG,
    "debug_protocol": _LOG,
    "DataPipe": "`pipe()`, which returns a `Pipe`",
    "tool": 'nothing of its own; `call("rrext_process", token=…, subcommand="tool", tool=…, input=…)`',
    "resolve_config": 'nothing of its own; `call("rrext_resolve_config", …)`',
    "log": '`get_task_runs()`; for the rest `call("rrext_log", subcommand=…)`',
    "account": 'nothing of its own; `call("rrext_account_…", …)`',
    "billing": 'nothing of its own; `call("rrext_account_billing", subcommand=…)`',
    "database": 'nothing of its own; `call("rrext_process", token=…, …)`',
    "deploy": 'nothing of its own; `call("rrext_deploy_pipe", subcommand=…)`',
    "get_account_info": 'nothing of its own; `call("rrext_account_me", subcommand=…)`',
    **dict.fromkeys(("get_dashboard", "list_connections", "list_tasks"), _DASHBOARD),
    **dict.fromkeys(
        (
            "cprofile_start",
            "cprofile_stop",
            "cprofile_status",
            "cprofile_report",
            "cprofile_report_tree",
            "cprofile_threads",
        ),
        _PROFILE,
    ),
    **dict.fromkeys(
        (
            "fs_open",
            "fs_close",
            "fs_read",
            "fs_read_many",
            "fs_read_string",
            "fs_read_json",
            "fs_write",
            "fs_write_string",
            "fs_write_json",
            "fs_list_dir",
            "fs_stat",
            "fs_mkdir",
            "fs_rmdir",
            "fs_rename",
            "fs_delete",
            "fs_get_url",
            "get_template",
            "get_all_templates",
            "save_template",
            "delete_template",
            "get_log",
            "list_logs",
            "save_log",
            "delete_log",
        ),
        _STORE,
    ),
    **dict.fromkeys(
        (
            "submit_app",
            "withdraw_app",
            "publish_app",
            "remove_app_publish",
            "disable_app_publish",
            "list_deployments",
            "reply_app",
            "where_app",
        ),
        _APPS,
    ),
    **dict.fromkeys(
        (
            "request",
            "dap_request",
            "did_fail",
            "build_request",
            "build_response",
            "build_event",
            "build_error",
            "build_exception",
            "raise_exception",
            "get_web_response",
            "build_log",
            "TRACE_REQUEST",
            "TRACE_SUCCESS",
            "TRACE_ERROR",
        ),
        _FRAMES,
    ),
}
"""The public names of the asynchronous `RocketRideClient`."""

_KEY = "`auth=`"

OPTIONS: Dict[str, Dict[str, str]] = {
    "__init__": {
        "api_key": _KEY,
        "apikey": _KEY,
        "persist": "nothing: a lost connection is always replaced",
        "max_retry_time": "`retry=RetryPolicy(max_outage=…)`, in seconds",
        "request_timeout": "`timeout=`, in seconds",
        "on_event": _EVENTS,
        "on_connected": _CALLBACK,
        "on_disconnected": _CALLBACK,
        "on_connect_error": _CALLBACK,
        "on_protocol_message": _LOG,
        "on_debug_message": _LOG,
        "on_trace": _LOG,
        "env": "`use(env=…)`; the address and the key are `uri=` and `auth=`",
        "module": "nothing: it is a name for logs",
        "client_name": "nothing: the server gets the name and version of this library",
        "client_version": "nothing: the server gets the name and version of this library",
        "ws_path": "a base path in `uri=`",
        "public": "`RocketRideClient.get_server_info(uri)`, which needs no key",
    },
    "use": {"pipelineTraceLevel": "`trace_level=`"},
    "send": {"on_sse": "nothing: the result comes when it is whole"},
    "pipe": {"on_sse": "nothing: the result comes when it is whole"},
    "chat": {"on_sse": "nothing: the result comes when it is whole"},
    "ping": {"token": "nothing; `get_task_status(token)` asks about a task"},
    "get_service": {"service": "`name=`"},
}
"""The arguments of its methods that the methods of the same name do not have here."""


PAGE = "the page 'Coming from the asynchronous client' of the documentation"


def explained(name: str, table: Dict[str, str]) -> Optional[str]:
    """What takes the place of `name`, as the end of an error's message; None if it is not in `table`."""
    if name not in table:
        return None
    return f"; in its place there is {table[name].replace('`', '')} (see {PAGE})"


def unknown_argument(method: str, name: str) -> str:
    """The message of a TypeError for an argument that a method of the client does not have."""
    where = "RocketRideClient" if method == "__init__" else f"RocketRideClient.{method}"
    more = explained(name, OPTIONS.get(method, {})) or ""
    return f"{where}() got an unexpected keyword argument {name!r}{more}"
