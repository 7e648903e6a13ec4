"""Searches in this process, on small tables with something to learn."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from workbench.settings import Settings
from workbench.training.history import HistoryWriter
from workbench.training.live import Live
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, write_state


def rows(n: int = 200, *, seed: int = 0) -> pl.DataFrame:
    """Give rows whose label is which of two numbers is larger, with some noise and a column of words."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.normal(size=n)
    return pl.DataFrame(
        {
            "a": a,
            "b": b,
            "noise": rng.normal(size=n),
            "word": rng.choice(["red", "green", "blue"], n),
            "label": np.where(a + 0.5 * rng.normal(size=n) > b, "yes", "no"),
            "amount": 3 * a - b + 0.1 * rng.normal(size=n),
        }
    )


def spec_of(folder: Path, search: dict[str, Any], **parts: Any) -> RunSpec:
    """Write the rows and give a RunSpec that searches on them."""
    path = folder / "rows.csv"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows().write_csv(path)
    document = {
        "name": "search",
        "data": {"source": str(path), "target": "label"},
        "recipe": [{"step": "drop_columns", "columns": ["word", "amount"]}],
        "estimator": {"name": "decision_tree"},
        "search": search,
        **parts,
    }
    return RunSpec.parse(document)


def folder_of(settings: Settings, name: str = "search-1") -> Path:
    """Make a queued run's folder."""
    folder = settings.runs / name
    folder.mkdir(parents=True, exist_ok=True)
    write_state(folder, RunState(status="queued", created=time.time()))
    return folder


def search(spec: RunSpec, settings: Settings, *, folder: Path | None = None) -> tuple[RunSpec | None, Path]:
    """Search in this process, as the worker does."""
    from workbench.data import resolve
    from workbench.training.preparing import prepare_rows
    from workbench.training.searching import run_search

    folder = folder or folder_of(settings)
    prepared = prepare_rows(spec, resolve(spec.data, settings=settings), settings)
    progress = Progress(folder)
    live = Live(HistoryWriter(folder), progress, has_validation=True)
    return run_search(prepared, folder, live=live, progress=progress), folder
