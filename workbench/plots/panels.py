"""The panels of the live view: which lines there are, and where they lie on the shared axis of time or step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl

from workbench.plots.theme import GREY, MAX_LINE_POINTS, SPLIT_COLORS, thin_line

By = Literal["time", "step"]
_NOT_METRICS = {"time", "step", "epoch", "learning_rate", "lr", "seconds", "examples_per_second"}
_OF_TRIALS = ("trial_", "best_")
_PAUSE_SECONDS, _PAUSE_SAMPLES = 30.0, 20  # samples come once a second
_SHORTEST_PAUSE = 2.0  # seconds, of a run that was stopped: less is what lies between two samples anyway
_TITLES = {
    "loss": "loss",
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "outlier_share": "share of outliers",
    "noise_share": "share of noise",
    "median_ae": "median absolute error",
    "f1_macro": "F1 (macro)",
    "precision_macro": "precision (macro)",
    "recall_macro": "recall (macro)",
}


@dataclass
class Line:
    """One line: its points, colour, hover text and what that text shows besides.

    Where there are many, some are drawn thin and without a label; `fill` shades the way to the line before.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str
    hover: str = "%{y:.4g}"
    extra: list[Any] | None = None
    width: float = 2.0
    opacity: float = 1.0
    labelled: bool = True
    fill: str | None = None
    dash: str = "solid"


@dataclass
class Panel:
    """Lines that share a vertical axis; heights are pixels."""

    title: str
    lines: list[Line] = field(default_factory=list)
    height: int = 110
    range: tuple[float, float] | None = None


class Axis:
    """Places unix times on the shared axis, on which pauses take no room.

    Parameters
    ----------
    history : DataFrame
    by : {"time", "step"}
    started : float
        Unix seconds.
    unit : str
        What a step is.
    samples : DataFrame, optional
        Of the hardware; where there are none for long, the run was stopped, or its machine asleep.
    interrupted : sequence of float
        Unix seconds at which it had ended before it was resumed: a pause, however short.
    """

    def __init__(
        self,
        history: pl.DataFrame,
        by: By,
        started: float,
        unit: str,
        samples: pl.DataFrame | None = None,
        interrupted: Sequence[float] = (),
    ) -> None:
        self.by, self.started = by, started
        sampled = samples["time"].to_numpy() if samples is not None and samples.height else np.empty(0)
        self._pauses = _find_pauses(sampled, history, interrupted) if by == "time" else []
        self._known = history
        if history.height and (history["time"].null_count() or history["step"].null_count()):
            self._known = history.drop_nulls(["time", "step"])
        last = float(self._known["time"][-1]) if self._known.height else started
        seconds = float(self._worked(np.array([max(started, last, *sampled[-1:])]))[0])
        self.scale, self.time_unit = (
            (1.0, "s") if seconds < 300 else (60.0, "min") if seconds < 10_800 else (3600.0, "h")
        )
        self.end = seconds / self.scale
        without = ", pauses left out" if self._pauses else ""
        self.title = f"time since start ({self.time_unit}{without})" if by == "time" else unit

    def pauses(self) -> list[tuple[float, float]]:
        """Give the place of each pause, and how many seconds it took."""
        return [(float(self.of_times(np.array([start]))[0]), length) for start, length in self._pauses]

    def _worked(self, times: np.ndarray) -> np.ndarray:
        """Give the seconds from the start to the times without the pauses between."""
        worked = times - self.started
        for start, length in self._pauses:
            worked = worked - np.clip(times - start, 0.0, length)
        return worked

    def of_history(self, history: pl.DataFrame) -> np.ndarray:
        """Place logged metrics."""
        if self.by == "step":
            return history["step"].to_numpy().astype(float)
        return self._worked(history["time"].to_numpy().astype(float)) / self.scale

    def of_times(self, times: np.ndarray) -> np.ndarray:
        """Place samples; by step, those outside the logged steps have no place (NaN)."""
        if self.by == "time":
            return self._worked(times) / self.scale
        if not self._known.height:
            return np.full(len(times), np.nan)
        x, y = np.r_[self.started, self._known["time"].to_numpy()], np.r_[0.0, self._known["step"].to_numpy()]
        return np.asarray(np.interp(times, x, y, left=np.nan, right=np.nan))


def _find_pauses(sampled: np.ndarray, history: pl.DataFrame, interrupted: Sequence[float]) -> list[tuple[float, float]]:
    """Find where neither a sample nor a metric was logged for long, or the run had ended: start, length in seconds."""
    pauses = dict(_long_gaps(sampled, history))
    logged = history["time"].to_numpy() if history.height else np.empty(0)
    for end in interrupted:
        before = [float(times[times <= end].max()) for times in (sampled, logged) if (times <= end).any()]
        after = [float(times[times > end].min()) for times in (sampled, logged) if (times > end).any()]
        if before and after and min(after) - max(before) >= _SHORTEST_PAUSE:
            pauses.setdefault(max(before), min(after) - max(before))
    return sorted(pauses.items())


def _long_gaps(sampled: np.ndarray, history: pl.DataFrame) -> list[tuple[float, float]]:
    if len(sampled) < 3:
        return []
    gaps = np.diff(sampled)
    longest = max(_PAUSE_SECONDS, _PAUSE_SAMPLES * float(np.median(gaps)))
    pauses = []
    for place in np.flatnonzero(gaps > longest):  # few: of a long history only what lies in them is looked at
        logged = history.filter(pl.col("time").is_between(*sampled[place : place + 2])) if history.height else history
        known = np.r_[sampled[place], logged["time"].sort() if logged.height else [], sampled[place + 1]]
        pauses += [(float(known[i]), float(known[i + 1] - known[i])) for i in np.flatnonzero(np.diff(known) > longest)]
    return pauses


def metric_panels(history: pl.DataFrame, axis: Axis, metrics: Sequence[str] | None) -> list[Panel]:
    """Make a panel for the loss and each other metric, train and validation together."""
    names = [name for name in history.columns if name not in _NOT_METRICS and history[name].dtype.is_numeric()]
    searched = _search_panels(history, axis, names)
    names = [name for name in names if not name.startswith(_OF_TRIALS)]
    bases = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    bases.sort(key=lambda base: base != "loss")
    chosen = [base for base in bases if base in metrics] if metrics is not None else bases[:3]
    panels = []
    for base in chosen:
        lines = [
            history_line(history, name, axis, split, SPLIT_COLORS[split])
            for name, split in ((base, "train"), (f"val_{base}", "validation"))
            if name in names and history[name].null_count() < history.height
        ]
        if lines:
            # Beside an RMSE the loss is a mean square: its numbers aren't in the target's unit.
            title = "loss (unit²)" if base == "loss" and "rmse" in bases else metric_title(base)
            panels.append(Panel(title, lines, height=180 if base == "loss" else 140))
    return [*searched, *panels] or [Panel("loss", height=120)]


def _search_panels(history: pl.DataFrame, axis: Axis, names: list[str]) -> list[Panel]:
    """Make a panel for what a search measures: each trial, and the best so far."""
    trial, best = _OF_TRIALS
    panels = []
    for name in names:
        if not name.startswith(trial):
            continue
        metric = name.removeprefix(trial)
        lines = [history_line(history, name, axis, "trial", GREY)]
        if f"{best}{metric}" in names:
            lines.append(history_line(history, f"{best}{metric}", axis, "best so far", SPLIT_COLORS["validation"]))
        panels.append(Panel(f"search: {metric_title(metric)}", lines, height=140))
    return panels


def history_line(history: pl.DataFrame, metric: str, axis: Axis, name: str, color: str) -> Line:
    """Make the line of one metric, thinned when long."""
    logged = history[["time", "step", metric]]  # no query: a live page is drawn once a second
    if logged[metric].null_count():
        logged = logged.filter(pl.col(metric).is_not_null())
    y = logged[metric].to_numpy()
    drawn = logged[thin_line(y, y, MAX_LINE_POINTS)]
    return Line(
        name,
        axis.of_history(drawn),
        drawn[metric].to_numpy().astype(float),
        color,
        "%{y:.5g} (step %{customdata:,})",
        drawn["step"].to_list(),
    )


def metric_title(metric: str) -> str:
    """Write a metric's name as a person says it.

    Examples
    --------
    >>> metric_title("roc_auc"), metric_title("val_loss")
    ('ROC AUC', 'validation loss')
    """
    base = metric.removeprefix("val_")
    return ("validation " if base != metric else "") + _TITLES.get(base, base.replace("_", " "))
