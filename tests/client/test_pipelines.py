"""Pipeline documents: read, unwrapped, and what of the environment goes along."""

import builtins
import json
import os
import select
import stat
import sys
from collections import UserDict
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import pytest
from cases import each
from command_call import call_command
from garbage import with_garbage

from rocketride_sync import ConfigurationError, MemoryTransport, RocketRideClient, owned_files
from rocketride_sync.client import pipelines
from rocketride_sync.client.pipeline_source import takes_data
from rocketride_sync.client.pipelines import environment_for, load

PIPELINE = {
    "project_id": "p",
    "source": "s",
    "components": [{"id": "s", "provider": "webhook", "config": {}}],
}


def test_a_file_and_a_document_are_the_same(tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text(json.dumps(PIPELINE))
    assert load(path, None, None) == load(str(path), None, None) == load(None, PIPELINE, None) == PIPELINE


def test_the_wrapper_is_taken_off(tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text(json.dumps({"pipeline": PIPELINE, "other": 1}))
    assert load(path, None, None) == load(None, {"pipeline": PIPELINE}, None) == PIPELINE


def test_the_source_can_be_replaced_and_the_callers_document_is_left_alone():
    document = load(None, PIPELINE, "another")
    assert document["source"] == "another"
    document["components"][0]["id"] = "changed"
    assert PIPELINE["source"] == PIPELINE["components"][0]["id"] == "s"


def of_kind(kind, value):
    """`value` with every dict in it as a mapping of `kind`."""
    if isinstance(value, dict):
        return kind({name: of_kind(kind, part) for name, part in value.items()})
    return [of_kind(kind, part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", [MappingProxyType, UserDict])
def test_mappings_of_any_kind_are_documents(kind):
    loaded = load(None, of_kind(kind, {"pipeline": PIPELINE}), None)
    assert loaded == PIPELINE
    assert type(loaded["components"][0]["config"]) is dict


def test_a_mapping_within_itself():
    endless = UserDict(PIPELINE)
    endless["components"] = [endless]
    with pytest.raises(ConfigurationError, match="only values of JSON"):
        load(None, endless, None)


def test_what_json_does_not_know_is_named():
    with pytest.raises(ConfigurationError, match=r"it holds a set$"):
        load(None, {**PIPELINE, "names": [{"a"}]}, None)


@pytest.mark.parametrize("arguments", [(None, None, None), ("file", PIPELINE, None)])
def test_exactly_one_of_the_two_is_given(arguments):
    with pytest.raises(ConfigurationError, match=r"filepath= or as pipeline="):
        load(*arguments)


@each("document", [{}, [], "text", {"components": {}}, {"pipeline": {"components": None}}])
def test_what_is_no_pipeline_is_refused(document):
    with pytest.raises(ConfigurationError, match="components"):
        load(None, document, None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "is not there"),
        (b"\xff", "not UTF-8$"),
        ("{}".encode("utf-16"), "not UTF-8; it looks like UTF-16: save it as UTF-8$"),
        (b"[" * 100_000, "JSON"),
        (b'{"a": tru}', "JSON"),
    ],
)
def test_an_unreadable_file_says_which_and_why(tmp_path, content, why):
    path = tmp_path / "job.pipe"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=why) as caught:
        load(path, None, None)
    assert "job.pipe" in str(caught.value)


@pytest.mark.skipif(not hasattr(sys, "set_int_max_str_digits"), reason="this Python reads any number")
def test_a_number_that_python_does_not_read_is_not_taken_for_json5(tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text(f'{{"components": [], "x": 1{"0" * 5000}}}')
    with pytest.raises(ConfigurationError, match=r"JSON that cannot be read: a number has too many digits$"):
        load(path, None, None)


@pytest.mark.skipif(sys.version_info >= (3, 9), reason="newer ones print what a destructor raises there")
def test_too_deep_a_file_does_not_end_the_process_if_garbage_is_collected_there(tmp_path):
    """As Python 3.8 does if a destructor runs there."""
    path = tmp_path / "job.pipe"
    path.write_text('{"components":' + "[" * 20_000)

    def read():
        with pytest.raises(ConfigurationError, match="nested too deeply"):
            load(path, None, None)

    with_garbage(read)


def test_nor_is_what_is_nested_too_deeply(tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(ConfigurationError, match=r"JSON that cannot be read: it is nested too deeply$"):
        load(path, None, None)


JSON5 = "// a comment\n{components: [], source: 's',}\n"


def test_json5_is_read_with_the_extra(tmp_path):
    pytest.importorskip("json5")
    path = tmp_path / "job.pipe"
    path.write_text(JSON5)
    assert load(path, None, None) == {"components": [], "source": "s"}


def test_what_is_wrong_with_it_as_json_comes_first(tmp_path):
    pytest.importorskip("json5")
    path = tmp_path / "job.pipe"
    path.write_text('{"components": [],\n "source": "s"\n "name": "n"}\n')
    said = r"job\.pipe' is neither JSON \(line 3, column 2: Expecting ',' delimiter\) nor JSON5 \("
    with pytest.raises(ConfigurationError, match=said):
        load(path, None, None)


def test_json5_without_the_extra_names_it(tmp_path, monkeypatch):
    path = tmp_path / "job.pipe"
    path.write_text(JSON5)
    real = builtins.__import__

    def without_json5(name, *args, **kwargs):
        if name == "json5":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_json5)
    with pytest.raises(ConfigurationError, match=r"line 1, column 1: .*the extra 'json5'"):
        load(path, None, None)


def with_config(**config):
    return {**PIPELINE, "components": [{"id": "s", "provider": "x", "config": config}]}


def test_a_variable_that_utf_8_cannot_say_is_named(monkeypatch):
    """As the shell of another locale exports it. Those that the pipeline does not use do not matter."""
    monkeypatch.setenv("ROCKETRIDE_FOLDER", "B\udcfccher")
    monkeypatch.setenv("ROCKETRIDE_OTHER", "\udcfc")
    with pytest.raises(
        ConfigurationError, match=r"^ROCKETRIDE_FOLDER must be text that UTF-8 can encode"
    ) as caught:
        environment_for(with_config(a="${ROCKETRIDE_FOLDER}"), None)
    assert "cher" not in str(caught.value)


def test_only_the_variables_that_the_pipeline_refers_to_go_along(monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_MODEL", "large")
    monkeypatch.setenv("ROCKETRIDE_OTHER", "unasked")
    monkeypatch.setenv("ROCKETRIDE_APIKEY", "the-secret-key")
    monkeypatch.setenv("HOME_SECRET", "unasked")
    document = with_config(a="${ROCKETRIDE_MODEL}", b=["x ${ROCKETRIDE_UNSET} ${HOME_SECRET}"])
    assert environment_for(document, None) == {"ROCKETRIDE_MODEL": "large"}
    assert environment_for(PIPELINE, None) == {}


@pytest.mark.parametrize("given", [None, {}, {"ROCKETRIDE_GIVEN": ""}])
def test_what_is_not_set_stays_as_it_is_and_is_told(monkeypatch, caplog, given):
    """Wherever it stands; an empty value is one."""
    for name in ("ROCKETRIDE_DIR", "ROCKETRIDE_GIVEN", "ROCKETRIDE_KEY", "ROCKETRIDE_"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROCKETRIDE_EMPTY", "")
    document = with_config(
        paths=["${ROCKETRIDE_DIR}/a", "${ROCKETRIDE_DIR}/b"],
        **{"${ROCKETRIDE_KEY}": {"x": "${ROCKETRIDE_GIVEN} ${ROCKETRIDE_EMPTY} ${HOME} $ROCKETRIDE_X"}},
    )
    assert environment_for(document, given) == {"ROCKETRIDE_EMPTY": "", **(given or {})}
    (record,) = caplog.records
    names = ["DIR", *([] if given else ["GIVEN"]), "KEY"]
    listed = ", ".join(f"${{ROCKETRIDE_{name}}}" for name in names)
    assert (record.name, record.levelname) == ("rocketride_sync", "WARNING")
    assert record.getMessage() == (
        f"the pipeline refers to variables that are not set, and stay as they are: {listed}; set them, or pass env= to use or run"
    )


def test_a_pipeline_cannot_fill_the_log(caplog):
    assert environment_for(with_config(x="".join(f"${{ROCKETRIDE_{n}}}" for n in range(9999))), None) == {}
    (record,) = caplog.records
    assert len(record.getMessage()) < 500


def test_where_all_is_set_nothing_is_told(monkeypatch, caplog):
    monkeypatch.setenv("ROCKETRIDE_MODEL", "large")
    environment_for(with_config(a="${ROCKETRIDE_MODEL} ${OTHER}"), None)
    assert caplog.records == []


def test_given_values_win_and_all_go_along(monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_MODEL", "large")
    document = with_config(a="${ROCKETRIDE_MODEL}")
    assert environment_for(document, {"ROCKETRIDE_MODEL": "small", "X": "1"}) == {
        "ROCKETRIDE_MODEL": "small",
        "X": "1",
    }


def test_the_api_key_never_goes_along_uninvited(monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_APIKEY", "the-secret-key")
    document = with_config(url="http://evil.example/${ROCKETRIDE_APIKEY}")
    with pytest.raises(ConfigurationError, match="ROCKETRIDE_APIKEY") as caught:
        environment_for(document, None)
    assert "the-secret-key" not in str(caught.value)
    invited = {"ROCKETRIDE_APIKEY": "another"}
    assert environment_for(document, invited) == invited


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text(json.dumps(PIPELINE), encoding="utf-8-sig")
    assert load(path, None, None) == PIPELINE


@each("path", [5, "", "a\0b", b"job.pipe", "\ud800"])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(ConfigurationError, match="filepath"):
        load(path, None, None)


def test_a_reference_in_a_key_counts_and_the_api_key_is_known_in_any_case(monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_X", "x")
    assert environment_for({"components": [{"${ROCKETRIDE_X}": 1}]}, None) == {"ROCKETRIDE_X": "x"}
    with pytest.raises(ConfigurationError, match="only if you give it yourself"):
        environment_for({"components": ["${ROCKETRIDE_ApiKey}"]}, None)


def test_a_source_that_several_components_claim_is_refused_with_the_reason():
    twice = {
        "source": "a",
        "components": [{"id": "a", "provider": "webhook"}, {"id": "a", "provider": "llm"}],
    }
    with pytest.raises(ConfigurationError, match="the pipeline has 2 components with the id 'a'"):
        takes_data(twice)
    with pytest.raises(ConfigurationError, match="no component 'b'"):
        takes_data({**twice, "source": "b"})


needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
needs_numbers = pytest.mark.skipif(
    not os.path.isdir("/dev/fd"), reason="needs numbers of files that have names"
)


def client(*answers):
    return RocketRideClient("h", "key", transport=MemoryTransport(answers))


def by_command(name):
    """Call the command of this name; what it prints, as the message of an error."""

    def call(path):
        done = call_command(
            [name, path], {"ROCKETRIDE_URI": "http://127.0.0.1:1", "ROCKETRIDE_APIKEY": "key"}
        )
        raise ConfigurationError(done.stdout + done.stderr)

    return call


READERS = {
    "use": lambda path: client().use(path, timeout=0.2),
    "run": lambda path: client().run(path, timeout=0.2),
    "validate": lambda path: client().validate(filepath=path, timeout=0.2),
    "command run": by_command("run"),
    "command validate": by_command("validate"),
}
READERS_IN_TIME = {name: reader for name, reader in READERS.items() if "command" not in name}


def problem(reader, path):
    """What `reader` says of the file, which another thread lets go if it waits for ever."""
    with ThreadPoolExecutor() as executor:
        reading = executor.submit(reader, path)
        try:
            return str(reading.exception(20))
        finally:
            while not reading.done():
                os.close(os.open(path, os.O_RDWR))


@needs_fifos
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_named_pipe_is_not_waited_for(tmp_path, reader):
    path = str(tmp_path / "job.pipe")
    os.mkfifo(path)
    assert "is a named pipe, which might never be opened by others; a file is needed" in problem(reader, path)


@needs_fifos
def test_nor_is_one_that_takes_the_place_of_a_file(tmp_path, monkeypatch):
    path = str(tmp_path / "job.pipe")
    os.mkfifo(path)
    monkeypatch.setattr(owned_files, "mode_of", lambda _: stat.S_IFREG)
    assert "is a named pipe" in problem(lambda path: load(path, None, None), path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_file_without_an_end_is_not_read_for_ever(reader):
    with pytest.raises(ConfigurationError, match=r"/dev/zero.* larger than 16 MiB"):
        reader("/dev/zero")


def test_a_file_is_read_up_to_the_limit(tmp_path):
    path = tmp_path / "job.pipe"
    text = json.dumps(PIPELINE)
    path.write_text(text + " " * ((16 << 20) - len(text)))
    assert load(path, None, None) == PIPELINE
    with open(path, "a") as file:
        file.write(" ")
    with pytest.raises(ConfigurationError, match=r"job\.pipe' is larger than 16 MiB, the most that is read$"):
        load(path, None, None)


def test_a_pipeline_that_memory_does_not_hold(tmp_path, monkeypatch):
    path = tmp_path / "job.pipe"
    path.write_text(json.dumps(PIPELINE))

    def no_memory(_):
        raise MemoryError

    monkeypatch.setattr(pipelines, "_decode", no_memory)
    with pytest.raises(ConfigurationError, match=r"job\.pipe' cannot be read: .*memory") as caught:
        load(path, None, None)
    assert caught.value.__context__ is None


@needs_numbers
def test_a_pipe_that_a_shell_made_is_read():
    """As for ``run <(command)``. It may be longer than a pipe holds at once."""
    document = {**PIPELINE, "note": "x" * 300_000}
    reading, writing = os.pipe()

    def write():
        with os.fdopen(writing, "w") as other:
            other.write(json.dumps(document))

    with os.fdopen(reading), ThreadPoolExecutor() as executor:
        executor.submit(write)
        assert load(f"/dev/fd/{reading}", None, None) == document


@pytest.fixture
def many_open_files(monkeypatch):
    """More than `select` has numbers for."""

    def out_of_range(*_):
        raise ValueError("filedescriptor out of range in select()")

    monkeypatch.setattr(select, "select", out_of_range)


@needs_numbers
def test_a_pipe_is_read_however_many_files_are_open(many_open_files):
    test_a_pipe_that_a_shell_made_is_read()
    test_a_pipe_whose_writer_does_not_end_takes_no_more_than_the_timeout(READERS["use"])


@needs_numbers
@pytest.mark.parametrize("reader", READERS_IN_TIME.values(), ids=READERS_IN_TIME)
def test_a_pipe_whose_writer_does_not_end_takes_no_more_than_the_timeout(reader):
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "wb", buffering=0) as other:
        other.write(b'{"components": ')
        with pytest.raises(ConfigurationError, match=r"its end did not come within the timeout"):
            reader(f"/dev/fd/{reading}")
