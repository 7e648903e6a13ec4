"""Runs from the command line and from Python: described, found, compared, resumed and deleted."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

import workbench as wb
from workbench.cli import main
from workbench.errors import RunError
from workbench.training.state import RunState, write_state

IRIS = {"name": "iris", "data": {"source": "iris", "target": "species"}, "estimator": {"name": "baseline"}}


@dataclass
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def workbench(settings, tmp_path, monkeypatch, capsys):
    """Run the command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run


def made(settings, run_id: str, *, about: dict | None = None, accuracy: float | None = None, **state: Any) -> None:
    folder = settings.runs / run_id
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps(IRIS))
    write_state(folder, RunState(**({"status": "finished", "created": 1.0} | state)))
    if about:
        (folder / "about.json").write_text(json.dumps(about))
    if accuracy is not None:
        (folder / "report").mkdir()
        splits = {"test": {"metrics": {"accuracy": accuracy}}}
        (folder / "report" / "report.json").write_text(json.dumps({"splits": splits}))


def test_runs_are_found_by_tag_status_and_words_and_sorted(workbench, settings):
    made(
        settings, "a-1", created=1.0, accuracy=0.7, about={"tags": ["paper", "old"], "note": "The first", "priority": 2}
    )
    made(settings, "b-2", created=2.0, accuracy=0.9, about={"tags": ["paper"]})
    made(settings, "c-3", created=3.0, status="failed", reason="The disk is full.")

    def found(*options: str) -> list[str]:
        return [run["run_id"] for run in workbench("runs", "--json", *options).json]

    assert found() == ["c-3", "b-2", "a-1"]
    assert found("--tag", "paper") == ["b-2", "a-1"]
    assert found("--tag", "paper", "--tag", "old") == ["a-1"]
    assert found("--status", "failed") == ["c-3"]
    assert found("--search", "DISK full") == ["c-3"]
    assert found("--search", "first") == ["a-1"]
    assert found("--search", "species baseline") == ["c-3", "b-2", "a-1"]
    assert found("--sort", "accuracy") == ["b-2", "a-1", "c-3"]
    assert found("--sort", "priority", "-n", "1") == ["a-1"]
    assert found("--sort", "name") == found("--sort", "seconds") == ["c-3", "b-2", "a-1"]
    text = workbench("runs").out
    assert "paper, old" in text
    assert "The disk is full." in text
    wrong = workbench("runs", "--sort", "acuracy")
    assert (wrong.status, wrong.out) == (1, "")
    assert "Did you mean 'accuracy'?" in wrong.err
    assert "needed one of queued, running" in workbench("runs", "--status", "done").err
    frame = wb.runs_frame(settings=settings, tag="paper")
    assert frame["run_id"].to_list() == ["b-2", "a-1"]
    assert frame["tags"].to_list() == [["paper"], ["paper", "old"]]
    assert frame["priority"].to_list() == [0, 2]


def test_a_run_is_described_killed_resumed_published_and_only_then_kept(workbench, settings, monkeypatch):
    document = IRIS | {
        "estimator": {"name": "hist_gradient_boosting", "params": {"max_iter": 400}},
        "training": {"early_stopping": {"patience": 10_000}},
    }
    monkeypatch.setattr(sys, "stdin", io.StringIO(yaml.safe_dump(document)))
    options = ("--tag", "a", "--tag", "b c", "--note", "By hand", "--priority", "3")
    run = wb.open_run(workbench("train", "-", "--detach", *options).out.strip(), settings=settings)
    assert (run.tags, run.note, run.priority) == (("a", "b c"), "By hand", 3)
    until = time.monotonic() + 90
    while run.history().height < 3 and not run.state.has_ended:
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(run.state.pid, signal.SIGKILL)
    run.wait(20)
    assert run.status == "lost"
    done = workbench("resume", run.id, "--json")
    assert done.status == 0, done.err
    assert (done.json["run_id"], done.json["status"]) == (run.id, "finished")
    refused = workbench("resume", run.id)
    assert (refused.status, refused.out) == (1, "")
    assert "which is finished; needed one that was stopped, failed or lost" in refused.err
    assert "has no search" in workbench("resume", run.id, "--trials", "9").err

    version = wb.publish(run, "flowers", settings=settings)
    for kept in (workbench("delete", run.id, "--yes"),):
        assert (kept.status, kept.out) == (1, "")
        assert "whose model is live as flowers/1 (champion)" in kept.err
        assert "Promote another version first" in kept.err
    with pytest.raises(RunError, match="flowers/1"):
        wb.delete_run(run.id, settings=settings)
    again = wb.publish(run, "flowers", settings=settings)
    assert again.number == version.number + 1
    (settings.models / "flowers" / "aliases.json").write_text("{}")
    unanswered = workbench("delete", run.id)
    assert unanswered.status == 2
    assert "pass --yes" in unanswered.err
    deleted = workbench("delete", run.id, "--yes", "--json")
    assert deleted.json == {"run_id": run.id, "deleted": True}
    assert not run.folder.exists()


def test_a_run_whose_earlier_package_is_live_is_kept_too(workbench, settings, model_packages):
    made(settings, "a-1")
    version = wb.publish(model_packages["flowers"], "flowers", settings=settings)
    from workbench.registry.origins import manifest_digest

    line = json.dumps({"time": 1.0, "manifest": manifest_digest(version.folder)})
    (settings.runs / "a-1" / "packages.jsonl").write_text(line + "\n")  # as a resume leaves it
    with pytest.raises(RunError, match=r"flowers/1 \(champion\)"):
        wb.delete_run("a-1", settings=settings)


def test_two_specs_are_compared_field_by_field(settings):
    one = IRIS | {
        "recipe": [
            {"step": "impute", "columns": ["sepal_length"]},
            {"step": "standardize", "columns": ["sepal_length"]},
        ],
        "estimator": {"name": "random_forest", "params": {"n_estimators": 50}},
    }
    other = one | {
        "recipe": [
            {"step": "drop_duplicates"},
            {"step": "impute", "columns": ["sepal_length"], "strategy": "mean"},
            {"step": "standardize", "columns": ["sepal_length"]},
        ],
        "estimator": {"name": "random_forest", "params": {"n_estimators": 60, "max_depth": 3}},
        "seed": 1,
    }
    assert wb.compare_specs(one, wb.RunSpec.parse(one)).is_empty()
    rows = {path: (a, b) for path, a, b in wb.compare_specs(one, other).iter_rows()}
    assert rows["estimator.params.n_estimators"] == ("50", "60")
    assert rows["estimator.params.max_depth"][1] == "3"
    assert rows["seed"] == ("0", "1")
    assert not any("standardize" in str(pair) for pair in rows.values())
    assert any("mean" in str(pair) for pair in rows.values())
    defaults = IRIS | {"estimator": {"name": "random_forest"}}
    stated = IRIS | {"estimator": {"name": "random_forest", "params": {"n_estimators": 300}}}
    default = {found.name: found.default for found in wb.catalogue()["random_forest"].parameters}["n_estimators"]
    assert wb.compare_specs(defaults, stated).height == (0 if default == 300 else 1)
