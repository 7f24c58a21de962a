"""Which tests take long, and which of them begin a run."""

import functools
from pathlib import Path

TESTS = Path(__file__).parent
# Folders and files. What reads sources, or makes up input that is the same in every run, finds in one version what it
# finds in all.
LENGTHY = {
    "codegen",
    "contrib",
    "docs",
    "emulator/test_commands_fuzzing.py",
    "emulator/test_http_app_openapi.py",
    "examples",
    "fuzz",
    "hostile/test_patterns.py",
    "process",
    "secrecy/test_door.py",
    "simulation",
    "soak",
    "test_benchmarks.py",
    "test_project_address.py",
    "test_release.py",
    "test_tools.py",
    "typed",
}

# Each takes five seconds or more. The one that takes longest is the first. Of none does the fixture of a module take long, which
# another worker would need again.
LONGEST = (
    "simulation/test_simulation.py::test_every_life_of_the_fixed_set_is_as_it_must_be",
    "test_benchmarks.py::test_a_quick_run_measures_every_suite_and_writes_its_figures_and_their_page",
    "typed/test_mistakes.py::test_mypy",
    "examples/test_django_site.py::test_a_command_runs_a_pipeline_and_a_view_tells_what_came_of_it",
    "soak/test_soak.py::test_no_outcome_is_wrong_told_twice_or_lost_in_silence_and_nothing_grows",
    "examples/test_celery_app.py::test_a_pipeline_is_started_watched_and_reported",
    "test_benchmarks.py::test_the_costs_are_not_far_beyond_the_targets",
    "secrecy/test_errors.py::test_no_error_path_shows_a_secret[elsewhere-ways-chosen-token]",
    "secrecy/test_errors.py::test_no_error_path_shows_a_secret[elsewhere-ways-task-token]",
    "secrecy/test_errors.py::test_no_error_path_shows_a_secret[over_http-refusals-task-token]",
    "docs/test_made.py::test_the_recordings",
    "docs/test_pages.py::test_the_blocks_of_a_page[docs/tutorial.md]",
    "docs/test_pages.py::test_the_blocks_of_a_page[README.md]",
    "transports/websocket/test_websocket_poller_timing.py::test_time_to_connect_is_nobodys_turn",
    "emulator/test_pipe_commands.py::test_sending_is_activity_and_polling_is_not",
    "docs/test_pages.py::test_the_blocks_of_a_page[docs/testing.md]",
    "typed/test_mistakes.py::test_pyright",
    "examples/test_django_site.py::test_a_missing_key_is_an_answer_that_does_not_ask_to_try_again",
    "transports/test_poller_timing.py::test_time_in_the_callers_loop_is_no_round_trip[http]",
    "transports/test_poller_timing.py::test_time_in_the_callers_loop_is_no_round_trip[websocket]",
    "cli/test_unread_streams.py::test_a_run_whose_stderr_nobody_reads_ends_its_task[stopped_terminal-options1-124]",
    "client/test_many_end_to_end.py::test_a_mix_of_tasks[websocket]",
    "client/test_many_end_to_end.py::test_a_mix_of_tasks[http]",
    "client/test_many_end_to_end.py::test_a_mix_of_tasks[auto]",
)


def longest_first(items, workers):
    """The tests in the order in which `workers` take them, each beginning with a part of those that would hold up the end.

    Each worker begins with a part of all tests, in their order.
    """
    places = {place: number for number, place in enumerate(LONGEST)}
    longest = sorted(
        (item for item in items if place_of(item) in places), key=lambda item: places[place_of(item)]
    )
    others = [item for item in items if place_of(item) not in places]
    parts = []
    for worker in range(workers):
        first, last = (len(others) * number // workers for number in (worker, worker + 1))
        parts += longest[worker::workers] + others[first:last]
    return parts


def place_of(item):
    return item.nodeid.partition("tests/")[2]


@functools.lru_cache(maxsize=None)
def is_lengthy(path):
    """Whether this file's tests are marked so."""
    place = path.relative_to(TESTS)
    return any(part.as_posix() in LENGTHY for part in (place, *place.parents))
