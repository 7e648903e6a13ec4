"""What a run without a result says to whoever asks it for one: why it has none, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import workbench as wb
from workbench.api.watching import _figure, status_html
from workbench.errors import RunError
from workbench.settings import Settings
from workbench.storage import write_json
from workbench.training.state import SPEC, RunState, write_state

VERBS: dict[str, Callable[[wb.Run], Any]] = {
    "model": lambda run: run.model(),
    "report": lambda run: run.report(),
    "evaluate": lambda run: run.evaluate(),
    "metrics": lambda run: run.metrics(),
    "explain": lambda run: run.explain(),
    "unseen_rows": lambda run: run.unseen_rows(),
    "run.publish": lambda run: run.publish("flowers"),
    "wb.publish": lambda run: wb.publish(run, "flowers"),
    "compare": lambda run: wb.compare([run]),
}
WORDS = {
    "failed": "Run flowers-12ab failed and has no model: Column 'a' is still text.",
    "lost": "Run flowers-12ab was lost and has no model: Its process is gone.",
    "stopped": "Run flowers-12ab was stopped before it had a model: Stopped on request.",
    "running": "Run flowers-12ab is still running, so it has no result yet. Wait for its end with run.wait()",
    "queued": "Run flowers-12ab is still waiting for its turn, so it has no result yet.",
}
REASONS = {"failed": "Column 'a' is still text.", "lost": "Its process is gone.", "stopped": "Stopped on request."}


def a_run(settings: Settings, status: Any) -> wb.Run:
    folder = settings.runs / "flowers-12ab"
    folder.mkdir(parents=True)
    document = {"name": "flowers", "data": {"source": "iris", "target": "species"}, "estimator": {"name": "ridge"}}
    write_json(folder / SPEC, document)
    now = time.time()
    ended = now if status in REASONS else None
    state = RunState(status=status, created=now, started=now, heartbeat=now, ended=ended, reason=REASONS.get(status))
    write_state(folder, state)
    return wb.open_run(folder.name)


@pytest.mark.parametrize("status", WORDS)
def test_whatever_needs_a_result_says_why_there_is_none(status: str, settings: Settings) -> None:
    run = a_run(settings, status)
    for verb, call in VERBS.items():
        with pytest.raises(RunError) as refused:
            call(run)
        assert WORDS[status] in str(refused.value), verb
    assert run.metrics_so_far() == {}
    assert run.history().is_empty() and run.log() == ""


@pytest.mark.parametrize("status", REASONS)
def test_a_run_that_made_no_model_says_so_without_being_asked(
    status: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(settings, status)
    assert repr(run) == f"Run('flowers-12ab', {status}: {REASONS[status]})"
    run.watch()  # as wb.train does
    assert f"Run flowers-12ab {WORDS[status].split()[2]}" in capsys.readouterr().err
    assert "Column &#x27;a&#x27; is still text." in status_html(run) or status != "failed"


def test_a_run_that_goes_on_again_does_not_give_the_result_of_before(settings: Settings) -> None:
    run = a_run(settings, "running")
    write_json(run.report_folder / "report.json", {"splits": {"test": {"metrics": {"accuracy": 0.5}}}})
    write_json(run.package_folder / "signature.json", {})
    for call in (run.metrics, run.model, lambda: run.publish("flowers")):
        with pytest.raises(RunError, match="is still running"):
            call()
    assert wb.models() == []


def test_a_notebook_shows_no_empty_axes_of_a_run_that_failed(settings: Settings) -> None:
    run = a_run(settings, "failed")
    assert "application/vnd.plotly.v1+json" not in _figure(run)
    assert _figure(run)["text/html"] == ""
    assert ">failed</b>" in status_html(run)
