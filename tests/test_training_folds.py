"""Cross-validation: every fold learns from its own training rows only, and its scores are told with their spread."""

from __future__ import annotations

import json
import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from workbench.api.running import Run
from workbench.cli import app
from workbench.data import sample, store_frame
from workbench.errors import EvaluationError, RecipeError, RunError, SplitError
from workbench.settings import Settings
from workbench.training import runs, start, train
from workbench.training.learning import make_ready
from workbench.training.pipeline import run_pipeline
from workbench.training.preparing import Preparation, prepare_rows
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import PROCESS, STOP, RunState, write_state

QUICK = {"name": "hist_gradient_boosting", "params": {"max_iter": 5}}
LONG = {"name": "hist_gradient_boosting", "params": {"max_iter": 9000}}
ALL_ROUNDS = {"early_stopping": {"patience": 10_000}}


@pytest.fixture
def settings(settings: Settings) -> Iterator[Settings]:
    """The shared settings with quick heartbeats; whatever still runs at the end is ended."""
    quick = replace(settings, heartbeat_seconds=0.2, hardware_seconds=0.2)
    yield quick
    for run in runs(settings=quick):
        process = json.loads((run.folder / PROCESS).read_text()) if (run.folder / PROCESS).exists() else {}
        if not run.state.has_ended and process:
            with suppress(ProcessLookupError):
                os.kill(process["pid"], signal.SIGKILL)
            run.wait(10)


def spec(source: str = "iris", target: str = "species", **changes: Any) -> RunSpec:
    document = {"name": "folds", "data": {"source": source, "target": target}, "estimator": QUICK}
    return RunSpec.parse(document | {"split": {"folds": 4}} | changes)


def made(settings: Settings, frame: pl.DataFrame, **changes: Any) -> Preparation:
    table = store_frame(frame, name="made", settings=settings)
    return prepare_rows(spec(table.short_digest, "y", **changes), table, settings)


def here(spec: RunSpec, folder: Path, settings: Settings) -> tuple[Any, Progress]:
    """Do the work of a run in this process."""
    folder.mkdir(parents=True)
    write_state(folder, RunState(status="queued", created=time.time()))
    progress = Progress(folder)
    return run_pipeline(spec, folder, progress=progress, settings=settings), progress


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def test_a_run_with_folds_tells_mean_spread_and_each_fold_everywhere(settings: Settings) -> None:
    run = train(spec(), settings=settings)
    assert run.status == "finished", run.log()
    found = run.metrics()["cross_validation"]
    assert (found["n_folds"], found["by"]) == (4, "random")
    assert [fold["fold"] for fold in found["folds"]] == [1, 2, 3, 4]
    assert [fold["n_train_rows"] + fold["n_validation_rows"] for fold in found["folds"]] == [120] * 4
    values = [fold["metrics"]["accuracy"] for fold in found["folds"]]
    assert found["mean"]["accuracy"] == pytest.approx(statistics.mean(values))
    assert found["std"]["accuracy"] == pytest.approx(statistics.stdev(values))
    assert found["folds"][0]["metrics"] == pytest.approx(run.metrics()["validation"])
    report = Run(run.folder, settings=settings).evaluate()
    frame = report.cross_validation()
    assert report.n_folds == 4
    assert frame.columns == ["metric", "mean", "std", "fold_1", "fold_2", "fold_3", "fold_4"]
    assert frame.filter(pl.col("metric") == "accuracy")["mean"][0] == pytest.approx(found["mean"]["accuracy"])
    assert json.loads((run.package_folder / "metrics.json").read_text())["cross_validation"] == found
    assert "4 folds, mean ± std" in (run.package_folder / "card.md").read_text()
    assert "Fold 2: " in run.log()


def test_folds_leave_the_model_and_its_metrics_as_they_are(settings: Settings, tmp_path: Path) -> None:
    chosen = spec()
    (_, _), (_, progress) = here(chosen, tmp_path / "a", settings), here(chosen, tmp_path / "b", settings)
    first, second = (json.loads((tmp_path / name / "report" / "report.json").read_text()) for name in "ab")
    assert first == second
    assert progress.state.unit == "round"


def test_no_validation_row_of_a_fold_influences_what_the_fold_learns(settings: Settings) -> None:
    """Change the validation rows of each fold in turn: the recipe of that fold stays, those of the others don't."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"a": rng.normal(size=200), "b": rng.choice(list("uvwx"), 200), "y": rng.choice(["no", "yes"], 200)}
    )
    recipe = [
        {"step": "impute", "columns": ["a"], "strategy": "mean"},
        {"step": "standardize", "columns": ["a"]},
        {"step": "target_encode", "columns": ["b"]},
    ]
    before = made(settings, frame, recipe=recipe)
    for number, fold in enumerate(before.folds):
        rows = np.zeros(200, dtype=bool)
        rows[fold.validation] = True
        changed = frame.with_columns(
            a=pl.when(pl.Series(rows)).then(1e6).otherwise("a"),
            b=pl.when(pl.Series(rows)).then(pl.lit("z")).otherwise("b"),
        )
        after = made(settings, changed, recipe=recipe)
        for other, (old, new) in enumerate(zip(before.folds, after.folds, strict=True)):
            assert (old.train == new.train).all()
            same = make_ready(before, old).recipe.to_dict() == make_ready(after, new).recipe.to_dict()
            assert same == (other == number)


def test_validation_and_test_rows_are_never_balanced(settings: Settings) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=300), "y": np.where(rng.random(300) < 0.1, "yes", "no")})
    plain = made(settings, frame)
    for method in ("class_weights", "oversample", "undersample"):
        balanced = made(settings, frame, recipe=[{"step": "balance", "method": method}])
        for fold, same in zip(plain.folds, balanced.folds, strict=True):
            ready, before = make_ready(balanced, same), make_ready(plain, fold)
            assert (ready.material.X_validation == before.material.X_validation).all()
            assert (ready.material.y_validation == before.material.y_validation).all()
            assert (ready.material.measured_rows[0] == before.material.X_train).all()
            counts = np.bincount(ready.material.y_train)
            assert (counts[0] == counts[1]) == (method != "class_weights")
            assert ready.recipe.to_dict()["stages"] == before.recipe.to_dict()["stages"]


def test_a_balanced_run_measures_all_its_rows(settings: Settings, tmp_path: Path) -> None:
    recipe = [
        {"step": "drop_columns", "columns": ["name", "ticket", "cabin", "boat", "body", "home.dest"]},
        {"step": "ordinal", "columns": ["sex", "embarked"]},
        {"step": "balance", "method": "undersample"},
    ]
    known = {column.name for column in sample("titanic").columns}
    recipe[0]["columns"] = [name for name in recipe[0]["columns"] if name in known]
    chosen = spec("titanic", "survived", recipe=recipe, split={})
    (status, _), progress = here(chosen, tmp_path / "run", settings)
    assert status == "finished"
    report = json.loads((tmp_path / "run" / "report" / "report.json").read_text())
    assert sum(part["n_rows"] for part in report["splits"].values()) == 1309
    assert "were left out to balance the classes" in (progress.state.note or "")
    assert "were left out to balance the classes" in (tmp_path / "run" / "package" / "card.md").read_text()


def test_a_stop_while_cross_validating_ends_the_run_without_a_model(settings: Settings) -> None:
    run = start(spec(estimator=LONG, training=ALL_ROUNDS), settings=settings)
    until(lambda: run.state.phase == "cross-validating" and run.state.step >= 1)
    assert run.state.unit == "fold"
    assert run.state.total == 4
    assert run.state.seconds_left is not None
    run.stop()
    run.wait(60)
    assert run.status == "stopped"
    assert "while cross-validating, after" in (run.reason or "")
    assert "of 4 folds; there is no model" in (run.reason or "")
    assert not run.package_folder.exists()


def test_a_worker_killed_while_cross_validating_is_lost(settings: Settings) -> None:
    run = start(spec(estimator=LONG, training=ALL_ROUNDS), settings=settings)
    until(lambda: run.state.phase == "cross-validating")
    os.kill(run.state.pid, signal.SIGKILL)
    run.wait(10)
    assert run.status == "lost"
    assert "signal 9 (SIGKILL)" in (run.reason or "")
    assert run.metrics_so_far() == {}
    with pytest.raises(RunError, match=r"was lost and has no model: .*signal 9"):
        run.metrics()


def test_a_stop_before_the_first_fold_is_heeded(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    write_state(folder, RunState(status="queued", created=time.time()))
    (folder / STOP).write_text("{}")
    status, reason = run_pipeline(spec(), folder, progress=Progress(folder), settings=settings)
    assert (status, reason) == (
        "stopped",
        "Stopped on request while cross-validating, after 0 of 4 folds; there is no model.",
    )


def test_a_fold_that_cannot_be_learned_is_named(settings: Settings, tmp_path: Path) -> None:
    frame = pl.DataFrame({"t": range(40), "a": [None] * 25 + [1.0] * 15, "y": [0.0, 1.5] * 20})
    table = store_frame(frame, name="made", settings=settings)
    chosen = spec(
        table.short_digest, "y", recipe=[{"step": "impute", "columns": ["a"]}],
        split={"by": "time", "column": "t", "folds": 3, "test": 0.1},
    )  # fmt: skip
    with pytest.raises(RecipeError, match=r"^Fold 2 of 3: Step 1"):
        here(chosen, tmp_path / "run", settings)


def test_folds_of_one_class_are_refused(settings: Settings) -> None:
    frame = pl.DataFrame({"t": range(40), "y": ["a"] * 20 + ["b"] * 20})
    with pytest.raises(SplitError, match=r"training rows that are all of class 'a'"):
        made(settings, frame, split={"by": "time", "column": "t", "folds": 3, "test": 0.1})


def test_a_report_without_folds_says_how_to_get_them(settings: Settings, tmp_path: Path) -> None:
    here(spec(split={}), tmp_path / "run", settings)
    from workbench.evaluation import open_report

    report = open_report(tmp_path / "run" / "report")
    assert report.n_folds == 0
    with pytest.raises(EvaluationError, match=r"Set for example folds: 5 in the split"):
        report.cross_validation()


def test_the_command_line_gives_the_folds(settings: Settings, tmp_path: Path) -> None:
    folder = settings.runs / "folds-1"
    (status, _), progress = here(spec(), folder, settings)
    (folder / "spec.json").write_text(spec().to_json())
    progress.end(status)
    shown = CliRunner().invoke(app, ["evaluate", "folds-1", "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["metrics"]["cross_validation"]["n_folds"] == 4
    read = CliRunner().invoke(app, ["evaluate", "folds-1"])
    assert "folds" in read.stdout
    assert "±" in read.stdout
