"""`validate`: in this process, against servers that find what a test wants."""

import json

import pytest
from command import KEY
from transports.dap_peer import serve
from transports.loopback import Server

from rocketride_sync.cli.main import main

GOOD = {"project_id": "p", "source": "a", "components": [{"id": "a", "provider": "webhook"}]}
VALID = {"component": "a", "chain": []}  # newer servers leave out what is empty
TOKEN = "tk_0123456789abcdef0123"


@pytest.fixture
def validate(monkeypatch, capsys, tmp_path):
    """Runs the command on files of these contents, with these answers in turn: the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROCKETRIDE_APIKEY", KEY)

    def run(answers, *contents, options=()):
        names = []
        for number, content in enumerate(contents):
            names.append(f"{number}.pipe")
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / names[-1]).write_text(text)
        asked = iter(answers)
        requests = []

        def reply(peer, request):
            requests.append(request)
            answer = next(asked)
            if isinstance(answer, str):
                peer.refuse(request, answer)
            else:
                peer.answer(request, answer)

        with Server(serve(reply)) as server:
            monkeypatch.setenv("ROCKETRIDE_URI", server.url)
            code = main(["validate", *names, *options])
        run.requests = requests
        return (code, *capsys.readouterr())

    return run


def test_a_line_for_each_error_and_exit_code_1(validate):
    answers = [
        {
            "errors": [{"message": "no model", "id": "llm_1"}, {"message": "two\nlines"}],
            "warnings": [{"message": "old"}],
        },
        VALID,
    ]
    code, out, err = validate(answers, GOOD, {"pipeline": GOOD})
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "0.pipe: error: component llm_1: no model",
        "0.pipe: error: two\\nlines",
        "0.pipe: warning: old",
        "1.pipe: valid",
    ]
    assert [request["command"] for request in validate.requests] == ["rrext_validate"] * 2
    assert validate.requests[1]["arguments"] == {"pipeline": GOOD}


def test_variables_that_are_not_set_are_told_with_the_file(validate, monkeypatch, tmp_path):
    """The exit code stays: the machine that runs the pipeline may have them."""
    for name in ("A", "B", "C"):
        monkeypatch.delenv(f"ROCKETRIDE_{name}", raising=False)
    monkeypatch.setenv("ROCKETRIDE_A", "x")
    (tmp_path / "settings").write_text("ROCKETRIDE_B=x\n")
    referring = {**GOOD, "name": "${ROCKETRIDE_A} ${ROCKETRIDE_B} ${ROCKETRIDE_C}"}
    code, out, err = validate([VALID, VALID], GOOD, referring, options=["--env-file", "settings"])
    assert (code, out) == (0, "0.pipe: valid\n1.pipe: valid\n")
    assert err == (
        "rocketride-sync: warning: 1.pipe refers to variables that are not set, and stay as they are: "
        "${ROCKETRIDE_C}; set them, or give them with --env-file\n"
    )


@pytest.mark.parametrize("given", ["in the environment", "in a file", "nowhere"])
@pytest.mark.parametrize(
    "found", [VALID, {"errors": [{"message": "no model", "id": "a"}]}, "Pipeline is odd"]
)
@pytest.mark.parametrize("command", ["validate", "run"])
def test_what_run_refuses_is_an_error(validate, monkeypatch, capsys, tmp_path, found, given, command):
    """Both say so in the same words, wherever the key is; what the server finds is told as well."""
    words = []
    if given != "in the environment":
        monkeypatch.delenv("ROCKETRIDE_APIKEY")
        (tmp_path / "key").write_text(KEY)
        words = ["--apikey-file", "key"]
    if given == "in a file":
        (tmp_path / "settings").write_text(f"ROCKETRIDE_APIKEY={KEY}\n")
        words = ["--env-file", "settings"]
    for file in tmp_path.iterdir():
        file.chmod(0o600)
    component = {"id": "a", "provider": "webhook", "config": {"key": "${ROCKETRIDE_APIKEY}"}}
    referring = {**GOOD, "components": [component]}
    refusal = (
        "the pipeline refers to ${ROCKETRIDE_APIKEY}: the API key is never sent along by the command line"
    )
    if command == "run":
        (tmp_path / "0.pipe").write_text(json.dumps(referring))
        assert main(["run", "0.pipe", "--keep", *words, "--uri", "http://127.0.0.1:1"]) == 2
        assert refusal in capsys.readouterr().err
        return
    code, out, err = validate([found, VALID], referring, GOOD, options=words)
    assert (code, err) == (1, "")
    assert f"0.pipe: error: {refusal}\n" in out
    assert ("no model" in out or "is odd" in out) == (found != VALID)
    assert "0.pipe: valid" not in out
    assert "1.pipe: valid" in out
    assert KEY not in out


def test_warnings_alone_are_no_failure(validate):
    code, out, _ = validate([{"warnings": [{"message": "old", "id": "a"}]}], GOOD)
    assert (code, out) == (0, "0.pipe: warning: component a: old\n0.pipe: valid\n")


def test_a_file_without_a_pipeline_has_an_error_and_the_others_are_checked(validate):
    code, out, _ = validate([VALID], "{no json", {"components": 5}, GOOD)
    first, second, third = out.splitlines()
    assert code == 1
    assert first.startswith("0.pipe: error: ")
    assert "JSON" in first
    assert "list of components" in second
    assert third == "2.pipe: valid"


def test_a_missing_file_is_an_error(validate):
    code, out, _ = validate([VALID], GOOD, options=["missing.pipe"])
    assert code == 1
    assert "missing.pipe: error: " in out
    assert "is not there" in out


def test_a_pipeline_that_the_server_refuses_to_check_has_an_error(validate):
    code, out, _ = validate(["Pipeline does not have a source component defined"], GOOD)
    assert code == 1
    assert out.startswith("0.pipe: error: ")
    assert "does not have a source" in out


@pytest.mark.parametrize("refusal", ["Invalid command: rrext_validate", "internal error", ""])
def test_a_refusal_that_is_no_verdict_is_the_requests_error(validate, refusal):
    code, out, err = validate([refusal], GOOD)
    assert (code, out) == (5, "")
    assert "failed: the server answered: " + (refusal or "no message") in err


@pytest.mark.parametrize("answer", [None, {}])
def test_an_answer_without_a_verdict_is_not_valid(validate, answer):
    code, out, err = validate([answer], GOOD)
    assert (code, out) == (5, "")
    assert "verdict" in err


@pytest.mark.parametrize(
    ("refusal", "expected"), [("Permission 'task.control' denied", 4), ("Your pipeline is not running", 6)]
)
def test_what_says_nothing_about_the_pipeline_has_its_own_exit_code(validate, refusal, expected):
    code, out, err = validate([VALID, refusal], GOOD, GOOD)
    assert (code, out) == (expected, "0.pipe: valid\n")
    assert refusal in err


def test_as_json(validate):
    found = {
        "errors": [{"message": f"no {TOKEN}", "id": "a", "config": {"key": "secret"}}],
        "pipeline": {"key": "secret"},
    }
    code, out, err = validate([found, VALID], GOOD, GOOD, "{", options=["--json"])
    document = json.loads(out)
    assert (code, err, document["error"], document["outcome"]) == (1, "", None, None)
    assert (document["exit_code"], document["reason"]) == (1, "2 of 3 files have errors")
    first, second, third = document["files"]
    assert first == {
        "file": "0.pipe",
        "valid": False,
        "errors": [{"message": "no tk_0123…", "id": "a"}],
        "warnings": [],
    }
    assert second == {"file": "1.pipe", "valid": True, "errors": [], "warnings": []}
    assert not third["valid"]
    assert "secret" not in out


def test_as_json_when_the_server_cannot_be_asked(validate):
    code, out, _ = validate(["Not authenticated"], GOOD, options=["--json"])
    assert code == 4
    assert json.loads(out)["error"]["type"] == "PermissionDeniedError"


def test_the_source_may_be_another(validate):
    assert validate([VALID], GOOD, options=["--source", "b"])[0] == 0
    assert validate.requests[0]["arguments"]["source"] == "b"


def test_http_does_not_carry_it(validate):
    code, out, err = validate([], GOOD, options=["--transport", "http"])
    assert (code, out) == (2, "")
    assert "leave out --transport http" in err


def test_a_file_is_needed_and_one_named_twice_is_checked_once(validate, capsys):
    assert validate([])[0] == 2
    code, out, _ = validate([VALID], GOOD, options=["0.pipe"])
    assert (code, out) == (0, "0.pipe: valid\n")


def test_quiet_prints_errors_only(validate):
    found = {"errors": [{"message": "no model"}], "warnings": [{"message": "old"}]}
    code, out, err = validate(
        [{"warnings": [{"message": "old"}]}, {"errors": []}, found], GOOD, GOOD, GOOD, options=["--quiet"]
    )
    assert (code, out, err) == (1, "2.pipe: error: no model\n", "")
    assert validate([{"errors": []}], GOOD, options=["--quiet"]) == (0, "", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("{\n", "is neither JSON (line 2, column 1: "),
        ("[]", "is not a pipeline"),
        (None, "is not there"),
    ],
)
def test_a_line_about_an_unusable_file_names_it_once(validate, content, said):
    if content is None:
        _, out, _ = validate([], options=["0.pipe"])
    else:
        _, out, _ = validate([], content)
    assert out.startswith(f"0.pipe: error: the pipeline file {said}")
    assert out.count("0.pipe") == 1
