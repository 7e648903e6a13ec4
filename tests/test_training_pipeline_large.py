"""Runs on tables that don't fit: a sample is trained on, never the whole table read, and everyone is told."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from workbench.api.running import Run
from workbench.data import Table, open_table, store_frame
from workbench.settings import Settings
from workbench.training.pipeline import run_pipeline
from workbench.training.preparing import prepare_rows
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, write_state

N_ROWS = 60_000
QUICK = {"name": "hist_gradient_boosting", "params": {"max_iter": 3}}


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Room for one MiB of rows."""
    return replace(settings, max_table_mib=1)


@pytest.fixture
def digest(small: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stored table of about 3 MiB, whose rows can't be had all at once."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            **{f"x{index}": rng.normal(size=N_ROWS) for index in range(5)},
            "group": rng.integers(0, 300, N_ROWS),
            "day": np.arange(N_ROWS) // 10,
            "word": rng.choice(["a", "b", "c"], N_ROWS),
            "y": np.where(rng.random(N_ROWS) < 0.02, "rare", "common"),
        }
    )
    stored = store_frame(frame, name="large", settings=small)
    digest = stored.short_digest

    def whole(table: Table) -> pl.DataFrame:
        raise AssertionError("the whole table was read at once")

    monkeypatch.setattr(Table, "frame", whole)
    return digest


def spec(digest: str, **changes: Any) -> RunSpec:
    document = {
        "name": "large",
        "data": {"source": digest, "target": "y"},
        "recipe": [{"step": "one_hot", "columns": ["word"]}],
        "estimator": QUICK,
    }
    return RunSpec.parse(document | changes)


def run(spec: RunSpec, settings: Settings, name: str = "large-1") -> Run:
    """Do the work of a run in this process."""
    folder = settings.runs / name
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(spec.to_json())
    write_state(folder, RunState(status="queued", created=time.time()))
    progress = Progress(folder)
    status, reason = run_pipeline(spec, folder, progress=progress, settings=settings)
    progress.end(status, reason)
    return Run(folder, settings=settings)


def test_a_run_on_a_sample_says_so_everywhere(digest: str, small: Settings) -> None:
    finished = run(spec(digest), small)
    state = finished.state
    assert state.status == "finished"
    assert state.n_train_rows == 36_000
    assert state.n_sampled_rows is not None
    assert 5_000 < state.n_sampled_rows < 20_000
    said = f"Trained on {state.n_sampled_rows:,} of 36,000 rows, a random sample"
    assert said in (state.note or "")
    assert "more than 1 MiB (max_table_mib)" in (state.note or "")
    assert said in (finished.package_folder / "card.md").read_text()
    line = finished.to_dict()
    assert (line["n_train_rows"], line["n_sampled_rows"]) == (36_000, state.n_sampled_rows)
    report = json.loads((finished.report_folder / "report.json").read_text())
    assert report["splits"]["train"]["n_rows"] == state.n_sampled_rows
    baseline = json.loads((finished.package_folder / "baseline.json").read_text())
    assert baseline["n_rows"] == state.n_sampled_rows
    rows = finished.unseen_rows(5)
    assert rows.height == 5
    assert rows.columns[-1] == "y"


def test_a_table_that_fits_is_not_sampled(digest: str, small: Settings) -> None:
    roomy = replace(small, max_table_mib=64)
    prepared = prepare_rows(spec(digest), open_table(digest, settings=roomy), roomy)
    assert not prepared.is_sampled
    assert prepared.notes == ()


def test_the_sample_keeps_the_shares_of_the_classes_and_is_the_same_each_time(digest: str, small: Settings) -> None:
    table = open_table(digest, settings=small)
    first, again = (prepare_rows(spec(digest), table, small) for _ in range(2))
    other = prepare_rows(spec(digest, seed=1), table, small)
    whole = prepare_rows(spec(digest), table, replace(small, max_table_mib=64))
    assert first.split.train.tolist() == again.split.train.tolist()
    assert first.split.train.tolist() != other.split.train.tolist()
    share = whole.y[whole.split.train].mean()
    assert first.y[first.split.train].mean() == pytest.approx(share, abs=2 / len(first.split.train))
    assert set(first.split.train) < set(whole.split.train)
    assert set(first.split.test) <= set(whole.split.test)


@pytest.mark.parametrize("split", [{"by": "group", "column": "group"}, {"by": "time", "column": "day"}])
def test_samples_keep_the_promise_of_the_split(digest: str, small: Settings, split: dict[str, str]) -> None:
    prepared = prepare_rows(spec(digest, split=split), open_table(digest, settings=small), small)
    assert prepared.is_sampled
    values = prepared.decided[split["column"]].to_numpy()
    parts = [values[rows] for rows in prepared.split.parts().values()]
    if split["by"] == "group":
        assert not set(parts[0]) & set(parts[1]) | set(parts[0]) & set(parts[2])
    else:
        assert parts[0].max() < parts[1].min() <= parts[1].max() < parts[2].min()


def test_evaluation_rows_are_bounded_too_and_said(digest: str, small: Settings) -> None:
    chosen = spec(digest, split={"test": 0.6, "validation": 0.05})
    prepared = prepare_rows(chosen, open_table(digest, settings=small), small)
    n_test = len(prepared.split.test)
    assert n_test < 36_000
    assert f"The test metrics are of {n_test:,} of 36,000 test rows, a random sample." in prepared.notes


def test_folds_of_a_large_table_are_made_of_the_sample(digest: str, small: Settings) -> None:
    prepared = prepare_rows(spec(digest, split={"folds": 3}), open_table(digest, settings=small), small)
    validated = np.concatenate([fold.validation for fold in prepared.folds])
    assert len(validated) == len(set(validated)) < 20_000
    assert (prepared.folds[0].train == prepared.split.train).all()
    assert prepared.notes[0].startswith(f"Trained and cross-validated on {len(validated):,} of 48,000 rows")


def test_wide_features_count_not_only_the_raw_columns(digest: str, small: Settings) -> None:
    table = open_table(digest, settings=small)
    narrow = prepare_rows(spec(digest), table, small)
    hashed = [{"step": "hashing", "columns": ["word"], "n_features": 200}]
    wide = prepare_rows(spec(digest, recipe=hashed), table, small)
    assert 100 <= len(wide.split.train) < len(narrow.split.train) / 3
    assert 8 * 207 * len(wide.split.train) <= 2**20


def test_row_steps_count_before_the_sample_is_drawn(digest: str, small: Settings) -> None:
    recipe = [{"step": "filter", "expression": "x0 > 1.5"}, {"step": "one_hot", "columns": ["word"]}]
    prepared = prepare_rows(spec(digest, recipe=recipe), open_table(digest, settings=small), small)
    assert not prepared.is_sampled
    assert 2_000 < len(prepared.positions) < 6_000
    assert prepared.raw(prepared.split.test)["x0"].min() > 1.5
