"""A network that was stopped or killed goes on to the result that it would have had."""

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
import polars as pl
import pytest
from training_rows import Watched, material

from workbench.training.checkpoint import Checkpoint
from workbench.training.history import history_frame, history_since
from workbench.training.loops import Material, fit

# A plateau that is reached, a schedule, dropout, decay and clipping: everything that has a memory.
_EVERYTHING = {
    "epochs": 30,
    "batch_size": 16,
    "learning_rate": 0.02,
    "optimizer": "adamw",
    "clip_norm": 1.0,
    "schedule": {"kind": "cosine", "warmup_epochs": 2},
    "early_stopping": {"patience": 20},
    "reduce_lr_on_plateau": {"factor": 0.5, "patience": 2, "min_lr": 1e-5},
}


def _everything(folder: Path | None = None, **changes: Any) -> Material:
    rows = material("dense_network", noise=2.0, training=_EVERYTHING | changes, layers=[32, 16], dropout=0.3)
    return dataclasses.replace(rows, checkpoint=Checkpoint(folder, seconds=0.0) if folder else None)


def _curve(folder: Path) -> pl.DataFrame:
    points = history_frame(history_since(folder)[0])
    return points.filter(pl.col("val_loss").is_not_null()).drop("time", "examples_per_second")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, np.ndarray]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    rows = _everything()
    model = fit(rows, Watched(folder).live)
    return _curve(folder), model.scores(rows.X_validation)


def _same(folder: Path, scores: np.ndarray, wanted: tuple[pl.DataFrame, np.ndarray]) -> None:
    curve = _curve(folder)
    assert curve["epoch"].to_list() == wanted[0]["epoch"].to_list()
    for name in wanted[0].columns:
        np.testing.assert_allclose(curve[name], wanted[0][name], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(scores, wanted[1], atol=1e-6)


def test_the_example_has_every_memory(uninterrupted: tuple[pl.DataFrame, np.ndarray]) -> None:
    curve, _ = uninterrupted
    rates = curve["learning_rate"].to_numpy()
    assert len(rates) > 20
    ratios = rates[3:] / rates[2:-1]
    assert ratios.min() < 0.55 * np.median(ratios)  # the plateau's step, beside the cosine


def test_a_stop_in_an_epoch_and_one_at_its_end_change_nothing(
    tmp_path: Path, uninterrupted: tuple[pl.DataFrame, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.training.loops import network

    monkeypatch.setattr(network, "_POINT_SECONDS", 0.0)  # so that a stop falls inside an epoch
    for stop_at in (40, 29 * 6, 29 * 12 + 20):
        watched = Watched(tmp_path, stop_at=stop_at)
        model = fit(_everything(tmp_path / "checkpoint"), watched.live)
        (tmp_path / "stop").unlink()
        saved = Checkpoint(tmp_path / "checkpoint").load()
        assert saved is not None
        assert saved.document["epochs"] < 30
        assert "are kept, the best so far" in (watched.state.note or "")
    watched = Watched(tmp_path)
    model = fit(_everything(tmp_path / "checkpoint"), watched.live)
    steps = watched.history["step"].to_list()
    assert steps == sorted(set(steps))  # no point stands twice
    _same(tmp_path, model.scores(_everything().X_validation), uninterrupted)
    assert (watched.state.note or "").count("are kept") == 1


_WORKER = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from test_training_resume_network import _everything
from training_rows import Watched
from workbench.training.loops import fit
folder = Path(sys.argv[1])
rows = _everything(folder / "checkpoint")
model = fit(rows, Watched(folder).live)
np.save(folder / "scores.npy", model.scores(rows.X_validation))
"""


def test_a_kill_at_random_moments_changes_nothing(
    tmp_path: Path, uninterrupted: tuple[pl.DataFrame, np.ndarray]
) -> None:
    random = np.random.default_rng()
    kills = 0
    for _ in range(3):
        process = _start(tmp_path)
        _wait_for_steps(tmp_path, process, random.integers(1, 9) * 29)
        time.sleep(random.uniform(0.0, 0.1))
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
    assert kills
    process = _start(tmp_path)
    assert process.wait() == 0, process.communicate()[1]
    process.communicate()
    _same(tmp_path, np.load(tmp_path / "scores.npy"), uninterrupted)


def _start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WORKER, str(folder), str(Path(__file__).parent)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _wait_for_steps(folder: Path, process: subprocess.Popen[str], n_more: int) -> None:
    """Wait until it has gone so many steps further than before."""
    lines = history_since(folder)[0]
    until = (lines[-1]["step"] if lines else 0) + n_more
    while process.poll() is None:
        lines = history_since(folder)[0]
        if lines and lines[-1]["step"] >= until:
            return
        time.sleep(0.01)


def test_what_was_stored_by_another_training_is_not_gone_on_from(tmp_path: Path) -> None:
    watched = Watched(tmp_path, stop_at=29)
    fit(_everything(tmp_path / "checkpoint"), watched.live)
    (tmp_path / "stop").unlink()
    watched = Watched(tmp_path / "b")
    fit(_everything(tmp_path / "checkpoint", epochs=2), watched.live)
    assert "What was stored is of another training: it began anew." in (watched.state.note or "")
    assert _curve(tmp_path / "b")["epoch"].to_list() == [1.0, 2.0]
