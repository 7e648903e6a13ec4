"""Twenty kills in a row at random moments, each followed by a resume, against the same run uninterrupted.

A network, a forest and boosting; the end must be the same: metrics and predictions equal to 1e-6, each point of the
curves once. The price of a kill is what has to be done again: process, data, and the steps since the last checkpoint.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from workbench.settings import Settings
from workbench.training import Run, start, train

TITLE = "Twenty SIGKILLs in a row: does the resumed run end as the uninterrupted one?"
KILLS = 20
SPECS = {
    "dense_network": {"epochs": 60, "early_stopping": {"patience": 1_000}},
    "random_forest": {"early_stopping": {"patience": 100_000}},
    "hist_gradient_boosting": {"early_stopping": {"patience": 100_000}},
}
PARAMS = {
    "dense_network": {},
    "random_forest": {"n_estimators": 600},
    "hist_gradient_boosting": {"max_iter": 600},
}


def main(kills: int = KILLS) -> None:
    """Print for each estimator whether the ends agree, and what the kills cost."""
    for name in SPECS:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(home=Path(folder), checkpoint_seconds=0.2, heartbeat_seconds=0.2, warm_worker="off")
            whole = train(spec(name), settings=settings)
            assert whole.status == "finished", whole.reason
            for run in killed_again_and_again(name, kills, whole, settings):
                compare(name, whole, run)


def spec(name: str) -> dict:
    """Give a run that takes a few seconds."""
    return {
        "name": name.replace("_", "-"),
        "data": {"source": "breast_cancer", "target": "diagnosis"},
        "estimator": {"name": name, "params": PARAMS[name]},
        "training": SPECS[name],
    }


def killed_again_and_again(name: str, kills: int, whole: Run, settings: Settings) -> list[Run]:
    """Kill at random moments, in a process's first seconds as well as while it trains, evaluates or stores.

    A run that gets to its end all the same is one more to compare, and the next begins.
    """
    moments = random.Random(20)
    usual = max(whole.seconds, 2.0)
    runs, done = [start(spec(name), settings=settings)], 0
    while done < kills:
        time.sleep(moments.uniform(0.2, usual))
        run = runs[-1]
        pid = run.state.pid
        if not run.state.has_ended and pid is not None:
            os.kill(pid, signal.SIGKILL)
            run.wait(30)
            if run.status == "lost":  # else it had just written its end
                done += 1
                run.resume()
        if run.state.has_ended:
            runs.append(start(spec(name), settings=settings))
    runs[-1].wait(600)
    resumes = [run.state.resumed for run in runs]
    print(f"{name}: {done} kills; resumes of each run: {resumes}; ended as {[run.status for run in runs]}", flush=True)
    return runs


def compare(name: str, whole: Run, run: Run) -> None:
    """Print how far the ends are apart."""
    import workbench as wb

    rows = wb.sample("breast_cancer").frame().drop("diagnosis")
    apart = np.abs(whole.model().predict_proba(rows) - run.model().predict_proba(rows)).max()
    metrics = max(
        abs(value - run.metrics()[split][metric])
        for split, values in whole.metrics().items()
        for metric, value in values.items()
    )
    steps = run.history()["step"].to_list()
    once = steps == sorted(set(steps))
    same = curve(run).equals(curve(whole), null_equal=True)
    print(
        f"  predictions apart by {apart:.1e}, metrics by {metrics:.1e}; curves equal: {same}, each point once: {once}"
    )
    print(f"  seconds of work: {whole.seconds:.1f} uninterrupted, {run.seconds:.1f} with the kills", flush=True)
    assert apart <= 1e-6 and metrics <= 1e-6 and same and once, name


def curve(run: Run) -> pl.DataFrame:
    """Give the points at the ends of epochs and rounds; those inside an epoch come by the clock."""
    points = run.history().filter(pl.col("epoch") % 1 == 0)
    return points.select(pl.exclude("time", "examples_per_second")).with_columns(pl.col(pl.Float64).round(9))
