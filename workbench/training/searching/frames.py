"""Trials as frames: all of them in order, and the best first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.training.searching.trials import Trial

if TYPE_CHECKING:
    import polars as pl

_ORDER = {"finished": 0, "pruned": 1, "failed": 2}


def trials_frame(trials: Sequence[Trial]) -> pl.DataFrame:
    """Give the trials, one row each, in the order of their numbers.

    Returns
    -------
    DataFrame
        ``number``, ``estimator``, ``status``, ``value`` (mean over the folds that were measured), ``std``, ``best``
        (the best finished value up to this trial), ``seconds``, ``folds``, a column for each searched parameter (as
        ``max_depth``, ``training.learning_rate``), ``reason``.
    """
    import polars as pl

    names = list(dict.fromkeys(name for trial in trials for name in trial.config))
    better = better_of(trials)
    best: float | None = None
    rows: list[dict[str, Any]] = []
    for trial in sorted(trials, key=lambda each: each.number):
        if trial.status == "finished" and trial.value is not None:
            choose = max if better == "higher" else min
            best = trial.value if best is None else choose(best, trial.value)
        rows.append({**_row(trial), "best": best, **{name: trial.config.get(name) for name in names}})
    columns = {name: _series(name, [row[name] for row in rows]) for name in names}
    fixed = ("number", "estimator", "status", "value", "std", "best", "seconds", "folds")
    schema = {
        "number": pl.Int64, "estimator": pl.String, "status": pl.String, "value": pl.Float64, "std": pl.Float64,
        "best": pl.Float64, "seconds": pl.Float64, "folds": pl.Int64, "reason": pl.String,
    }  # fmt: skip
    frame = pl.DataFrame(
        {name: [row[name] for row in rows] for name in (*fixed, "reason")}, schema=schema, strict=False
    )
    return frame.select(fixed).with_columns(list(columns.values())).with_columns(frame["reason"])


def leaderboard_frame(trials: Sequence[Trial], *, by_estimator: bool = False) -> pl.DataFrame:
    """Give the trials best first: finished ones, then those ended early, then those that failed.

    Parameters
    ----------
    trials : sequence of Trial
    by_estimator : bool
        Only the best trial of each estimator.

    Returns
    -------
    DataFrame
        ``rank`` (null where a trial didn't finish), ``estimator``, ``value``, ``std``, ``status``, ``seconds``,
        ``latency_ms``, ``latency_by``, ``size_mib``, ``n_trials`` (of the estimator), ``number``, ``parameters`` (in
        words), ``reason``.
    """
    import polars as pl

    sign = 1.0 if better_of(trials) == "higher" else -1.0
    ranked = sorted(
        trials,
        key=lambda trial: (
            _ORDER[trial.status], -sign * trial.value if trial.value is not None else float("inf"), trial.number,
        ),
    )  # fmt: skip
    counts = {name: sum(trial.estimator == name for trial in trials) for name in {each.estimator for each in trials}}
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for trial in ranked:
        if by_estimator and trial.estimator in seen:
            continue
        seen.add(trial.estimator)
        rank = len(rows) + 1 if trial.status == "finished" else None
        costs = _costs(trial, trials) if by_estimator else trial
        rows.append(
            {
                **_row(trial),
                "rank": rank,
                "n_trials": counts[trial.estimator],
                "parameters": words_of(trial),
                "latency_ms": costs.latency_ms,
                "latency_by": costs.latency_by,
                "size_mib": costs.size_mib,
            }  # fmt: skip
        )
    schema = {
        "rank": pl.Int64, "estimator": pl.String, "value": pl.Float64, "std": pl.Float64, "status": pl.String,
        "seconds": pl.Float64, "latency_ms": pl.Float64, "latency_by": pl.String, "size_mib": pl.Float64,
        "n_trials": pl.Int64, "number": pl.Int64, "parameters": pl.String, "reason": pl.String,
    }  # fmt: skip
    return pl.DataFrame({name: [row[name] for row in rows] for name in schema}, schema=schema, strict=False)


def better_of(trials: Sequence[Trial]) -> str:
    """Say whether higher or lower values of the trials' metric are better."""
    from workbench.evaluation.metrics import metrics_for

    known = metrics_for("classification") | metrics_for("regression")
    metric = next((trial.metric for trial in trials if trial.metric), "")
    return known[metric].better if metric in known else "higher"


def words_of(trial: Trial) -> str:
    """Write what was searched in words.

    Examples
    --------
    >>> words_of(Trial(1, "random_forest", {"max_depth": None, "n_estimators": 100}, {}, "finished"))
    'max_depth none, n_estimators 100'
    """
    return ", ".join(f"{name} {_plain(value)}" for name, value in trial.config.items()) or "defaults"


def _costs(trial: Trial, trials: Sequence[Trial]) -> Trial:
    """Give the trial whose costs stand for an estimator: its own, or those of its defaults."""
    if trial.latency_ms is not None:
        return trial
    measured = [each for each in trials if each.estimator == trial.estimator and each.latency_ms is not None]
    return measured[0] if measured else trial


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number, "estimator": trial.estimator, "status": trial.status, "value": trial.value,
        "std": trial.std, "seconds": trial.seconds, "folds": trial.step, "reason": trial.reason,
    }  # fmt: skip


def _series(name: str, values: list[Any]) -> pl.Series:
    """Give a column of numbers where all are, else of words; no limit is a null among numbers."""
    import polars as pl

    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return pl.Series(name, values, dtype=pl.Boolean)
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return pl.Series(name, values, dtype=pl.Int64)
    if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    return pl.Series(name, [None if value is None else _plain(value) for value in values], dtype=pl.String)


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
