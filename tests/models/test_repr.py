"""The repr of documents: what they are about, on one short line, and no secret."""

from cases import each

from rocketride_sync import TaskInfo, TaskRun, TaskStart

TOKEN = "tk_0123456789abcdef0123456789abcdef"


def test_a_listed_task_says_which_it_is():
    task = TaskInfo(name="nightly", source="src_1", token=TOKEN, status="Working", description="long")
    assert repr(task) == "<TaskInfo name='nightly' source='src_1' token='tk_0123…' status='Working'>"


def test_a_start_and_a_logged_run_do_too():
    start = TaskStart(token=TOKEN, public_token="pk_0123456789", project_id="p", source="s", reused=True)
    assert repr(start) == "<TaskStart token='tk_0123…' project_id='p' source='s' reused=True>"
    assert "outcome='ok'" in repr(TaskRun(begin_time=1.5, outcome="ok"))
    assert repr(TaskInfo()) == "<TaskInfo>"


@each("model", [TaskInfo, TaskStart, TaskRun])
@each("text", [TOKEN, "x" + TOKEN, "a\nb\x1b[31m\u202e", "x" * 10_000, "pk_" + "5" * 40])
def test_it_is_one_line_without_secrets_and_controls(model, text):
    texts = {
        wire: text for wire, name in model._attributes.items() if "time" not in name and "seq" not in name
    }
    texts.pop("reused", None)
    shown = repr(model.from_dict(texts))
    assert len(shown) < 80
    assert shown.isprintable()
    assert "456789" not in shown
    assert "5" * 10 not in shown
