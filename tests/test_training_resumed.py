"""Forests and boosting go on from a checkpoint to exactly what an uninterrupted run gives."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_rows import Watched, material

from workbench.estimators.native import NativeModel
from workbench.training.checkpoint import Checkpoint
from workbench.training.loops import Material, fit

N = 60
SIZE = {"hist_gradient_boosting": {"max_iter": N, "max_features": 0.5}, "gradient_boosting": {"n_estimators": N}}
SIZE["gradient_boosting"] |= {"subsample": 0.6, "max_features": 0.5}
LONG = ["random_forest", "extra_trees", "gradient_boosting", "hist_gradient_boosting"]


class Interrupted(Exception):
    """Ends a loop in the middle of its work."""


def rows_of(name: str, **given: Any) -> Material:
    size = SIZE.get(name, {"n_estimators": N})
    return material(name, **{"training": {"early_stopping": {"patience": 10_000}}, **size, **given})


def kept(rows: Material, folder: Path) -> Material:
    return dataclasses.replace(rows, checkpoint=Checkpoint(folder / "checkpoint", seconds=0))


def interrupted(rows: Material, folder: Path, *, after: int) -> None:
    watched = Watched(folder)
    record = watched.live.record

    def record_or_end(step: int, *arguments: Any, **named: Any) -> bool:
        if step > after:
            raise Interrupted
        return record(step, *arguments, **named)

    watched.live.record = record_or_end  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        fit(kept(rows, folder), watched.live)


def assert_same(rows: Material, model: NativeModel, folder: Path) -> None:
    watched = Watched(folder / "uninterrupted")
    whole = fit(rows, watched.live)
    np.testing.assert_allclose(model.scores(rows.X_validation), whole.scores(rows.X_validation), rtol=0, atol=1e-9)


@pytest.mark.parametrize("case", ["classification", "several classes", "regression"])
@pytest.mark.parametrize("name", LONG)
def test_an_interrupted_loop_goes_on_to_the_same_model(tmp_path: Path, name: str, case: str) -> None:
    task = "regression" if case == "regression" else "classification"
    rows = rows_of(name, task=task, n_classes=4 if case == "several classes" else 2)
    interrupted(rows, tmp_path, after=30)
    watched = Watched(tmp_path)
    before = watched.history["step"].to_list()
    model = fit(kept(rows, tmp_path), watched.live)
    steps = watched.history["step"].to_list()
    assert before[-1] < N
    assert steps == sorted(set(steps)) and steps[-1] == N
    assert steps[: len(before)] == before  # it went on, it didn't begin anew
    assert_same(rows, model, tmp_path)


@pytest.mark.parametrize("name", ["random_forest", "gradient_boosting", "hist_gradient_boosting"])
def test_a_killed_process_leaves_what_another_goes_on_from(tmp_path: Path, name: str) -> None:
    child = subprocess.Popen([sys.executable, __file__, name, str(tmp_path)], cwd=Path(__file__).parent)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and child.poll() is None:
            history = tmp_path / "history.jsonl"
            if history.exists() and history.read_bytes().count(b"\n") > 8:
                break
            time.sleep(0.01)
        assert child.poll() is None
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert (tmp_path / "checkpoint" / "current.json").exists()
    rows = rows_of(name)
    watched = Watched(tmp_path)
    assert watched.history["step"].max() < N
    model = fit(kept(rows, tmp_path), watched.live)
    steps = watched.history["step"].to_list()
    assert steps == sorted(set(steps)) and steps[-1] == N
    assert_same(rows, model, tmp_path)


@pytest.mark.parametrize("name", LONG)
def test_a_stopped_loop_keeps_its_best_and_goes_on_later(tmp_path: Path, name: str) -> None:
    rows = rows_of(name, noise=3.0)
    first = Watched(tmp_path, stop_at=30)
    fit(kept(rows, tmp_path), first.live)
    reached = first.history["step"].max()
    assert 30 <= reached < N
    (tmp_path / "stop").unlink()
    watched = Watched(tmp_path)
    model = fit(kept(rows, tmp_path), watched.live)
    assert watched.history["step"].to_list()[-1] == N
    assert_same(rows, model, tmp_path)


@pytest.mark.parametrize("name", LONG)
def test_what_was_stored_is_never_written_again(tmp_path: Path, name: str) -> None:
    rows = rows_of(name)
    interrupted(rows, tmp_path, after=20)
    folder = tmp_path / "checkpoint"
    files = {path.stat().st_ino: path.stat().st_mtime_ns for path in folder.glob("*/*-*.npz")}
    assert files
    interrupted(rows, tmp_path, after=40)
    later = {path.stat().st_ino: path.stat().st_mtime_ns for path in folder.glob("*/*-*.npz")}
    assert files.items() <= later.items() and len(later) > len(files)


@pytest.mark.parametrize("name", ["random_forest", "gradient_boosting", "hist_gradient_boosting"])
def test_patience_remembers_across_an_interruption(tmp_path: Path, name: str) -> None:
    rows = rows_of(name, noise=3.0, training={"early_stopping": {"patience": 8 if "boost" in name else 3}})
    rows = dataclasses.replace(rows, params={**rows.params, "max_iter": 400} if "hist" in name else
                               {**rows.params, "n_estimators": 400})  # fmt: skip
    whole = Watched(tmp_path / "whole")
    fit(rows, whole.live)
    end = int(whole.history["step"].max())
    interrupted(rows, tmp_path, after=whole.history["step"].to_list()[-3])
    watched = Watched(tmp_path)
    model = fit(kept(rows, tmp_path), watched.live)
    assert watched.history["step"].max() == end
    assert watched.state.best == whole.state.best
    assert "hadn't improved for" in (watched.state.note or "")
    assert_same(rows, model, tmp_path)


@pytest.mark.parametrize("name", LONG)
def test_a_loop_killed_after_its_last_round_only_finishes(tmp_path: Path, name: str) -> None:
    rows = rows_of(name)
    fit(kept(rows, tmp_path), Watched(tmp_path).live)  # evaluating and packaging would come now
    watched = Watched(tmp_path)
    model = fit(kept(rows, tmp_path), watched.live)
    assert watched.history["step"].to_list()[-1] == N
    assert_same(rows, model, tmp_path)
    model.save(tmp_path / "model")  # all that a fit sets is there


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_a_damaged_checkpoint_begins_anew(tmp_path: Path, name: str) -> None:
    rows = rows_of(name)
    interrupted(rows, tmp_path, after=30)
    (stored,) = (tmp_path / "checkpoint").glob("*/state.json")
    stored.write_text("{}")
    (tmp_path / "history.jsonl").unlink()
    watched = Watched(tmp_path)
    model = fit(kept(rows, tmp_path), watched.live)
    assert watched.history["step"].to_list()[0] == 1
    assert_same(rows, model, tmp_path)


def _train_slowly(name: str, folder: Path) -> None:
    watched = Watched(folder)
    record = watched.live.record

    def record_and_wait(*arguments: Any, **named: Any) -> bool:
        time.sleep(0.05)
        return record(*arguments, **named)

    watched.live.record = record_and_wait  # type: ignore[method-assign]
    fit(kept(rows_of(name), folder), watched.live)


if __name__ == "__main__":
    _train_slowly(sys.argv[1], Path(sys.argv[2]))
