"""The panels of the live view: which lines there are, and where they lie on the shared axis of time or step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl

from workbench.plots.theme import GREY, MAX_LINE_POINTS, PURPLE, SKY, SPLIT_COLORS, VERMILION, thin_line

By = Literal["time", "step"]
_NOT_METRICS = {"time", "step", "epoch", "learning_rate", "lr", "seconds"}
_TITLES = {
    "loss": "loss",
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
}
_GPU_COLORS = (PURPLE, VERMILION, SPLIT_COLORS["test"], SPLIT_COLORS["validation"])  # yellow is too pale on white


@dataclass
class Line:
    """One line: its points, colour, hover text and what that text shows besides."""

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str
    hover: str = "%{y:.4g}"
    extra: list[Any] | None = None


@dataclass
class Panel:
    """Lines that share a vertical axis; heights are pixels."""

    title: str
    lines: list[Line] = field(default_factory=list)
    height: int = 110
    range: tuple[float, float] | None = None


class Axis:
    """Places unix times on the shared axis."""

    def __init__(self, history: pl.DataFrame, by: By, started: float, unit: str, ended: float | None = None) -> None:
        self.by, self.started = by, started
        known = history.drop_nulls(["time", "step"]) if history.height else history
        self._times = known["time"].to_numpy() if known.height else np.zeros(0)
        self._steps = known["step"].cast(pl.Float64).to_numpy() if known.height else np.zeros(0)
        seconds = max([started, ended or started, *self._times[-1:]]) - started
        self.scale, self.time_unit = (
            (1.0, "s") if seconds < 300 else (60.0, "min") if seconds < 10_800 else (3600.0, "h")
        )
        self.title = f"time since start ({self.time_unit})" if by == "time" else unit

    def of_history(self, history: pl.DataFrame) -> np.ndarray:
        """Place logged metrics."""
        if self.by == "step":
            return history["step"].cast(pl.Float64).to_numpy()
        return (history["time"].cast(pl.Float64).to_numpy() - self.started) / self.scale

    def of_times(self, times: np.ndarray) -> np.ndarray:
        """Place samples; by step, those outside the logged steps have no place (NaN)."""
        if self.by == "time":
            return (times - self.started) / self.scale
        if not len(self._times):
            return np.full(len(times), np.nan)
        x, y = np.r_[self.started, self._times], np.r_[0.0, self._steps]
        return np.asarray(np.interp(times, x, y, left=np.nan, right=np.nan))


def metric_panels(history: pl.DataFrame, axis: Axis, metrics: Sequence[str] | None) -> list[Panel]:
    """Make a panel for the loss and each other metric, train and validation together."""
    names = [name for name in history.columns if name not in _NOT_METRICS and history[name].dtype.is_numeric()]
    bases = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    bases.sort(key=lambda base: base != "loss")
    chosen = [base for base in bases if base in metrics] if metrics is not None else bases[:3]
    panels = []
    for base in chosen:
        lines = [
            history_line(history, name, axis, split, SPLIT_COLORS[split])
            for name, split in ((base, "train"), (f"val_{base}", "validation"))
            if name in names and history[name].drop_nulls().len()
        ]
        if lines:
            # Beside an RMSE the loss is a mean square: its numbers aren't in the target's unit.
            title = "loss (unit²)" if base == "loss" and "rmse" in bases else metric_title(base)
            panels.append(Panel(title, lines, height=180 if base == "loss" else 140))
    return panels or [Panel("loss", height=120)]


def history_line(history: pl.DataFrame, metric: str, axis: Axis, name: str, color: str) -> Line:
    """Make the line of one metric, thinned when long."""
    logged = history.filter(pl.col(metric).is_not_null())
    y = logged[metric].cast(pl.Float64).to_numpy()
    keep = thin_line(y, y, MAX_LINE_POINTS)
    return Line(
        name,
        axis.of_history(logged)[keep],
        y[keep],
        color,
        "%{y:.5g} (step %{customdata:,})",
        logged["step"].gather(keep).to_list(),
    )


def hardware_panels(samples: list[dict[str, Any]], axis: Axis) -> list[Panel]:
    """Make panels for GPU, CPU and memory; a field that no sample has gives no panel."""
    if not samples:
        return []
    place = axis.of_times(np.array([sample["time"] for sample in samples]))
    gpus = sorted({int(gpu.get("index", 0)) for sample in samples for gpu in sample["gpus"]})
    candidates = [
        Panel(
            "GPU (%)",
            [_gpu_line(samples, place, i, n, "utilisation_percent", len(gpus)) for n, i in enumerate(gpus)],
            100,
            (0, 105),
        ),
        Panel(
            "GPU memory (GiB)",
            [_gpu_line(samples, place, i, n, "memory_mib", len(gpus)) for n, i in enumerate(gpus)],
            90,
        ),
        Panel("CPU (%)", [_line(samples, place, "cpu_percent", "all cores", GREY)], 90, (0, 105)),
        Panel(
            "memory (GiB)",
            [
                _line(samples, place, "memory_mib", "machine", GREY),
                _line(samples, place, "process_memory_mib", "this run", SKY),
            ],
            90,
        ),
    ]
    for panel in candidates:
        panel.lines = [line for line in panel.lines if np.isfinite(line.y).any()]
        if panel.range is None and panel.lines:
            panel.range = (0, 1.15 * max(float(np.nanmax(line.y)) for line in panel.lines))
    return [panel for panel in candidates if panel.lines]


def _line(samples: list[dict[str, Any]], place: np.ndarray, name: str, label: str, color: str) -> Line:
    values = np.array([np.nan if sample.get(name) is None else float(sample[name]) for sample in samples])
    if name.endswith("_mib"):
        values = values / 1024
    unit = "GiB" if name.endswith("_mib") else "%"
    return _thin(Line(label, place, values, color, f"%{{y:.3g}} {unit}"))


def _gpu_line(
    samples: list[dict[str, Any]], place: np.ndarray, index: int, nth: int, field_name: str, n_gpus: int
) -> Line:
    found: list[dict[str, Any]] = [
        next((gpu for gpu in sample["gpus"] if int(gpu.get("index", 0)) == index), {}) for sample in samples
    ]
    values = np.array([np.nan if gpu.get(field_name) is None else float(gpu[field_name]) for gpu in found])
    hover, extra = "%{y:.3g} GiB", None
    if field_name == "memory_mib":
        values = values / 1024
    else:
        hover, extra = "%{y:.0f} %%{customdata}", [_power_and_heat(gpu) for gpu in found]
    own = n_gpus > 1 and any(gpu.get("own") for gpu in found)
    label = "GPU" if n_gpus == 1 else f"GPU {index}{', this run' if own else ''}"
    return _thin(Line(label, place, values, _GPU_COLORS[nth % len(_GPU_COLORS)], hover, extra))


def _power_and_heat(gpu: dict[str, Any]) -> str:
    power, heat = gpu.get("power_w"), gpu.get("temperature_c")
    parts = [f"{power:.0f} W" if power is not None else "", f"{heat:.0f} °C" if heat is not None else ""]
    return "".join(f", {part}" for part in parts if part)


def _thin(line: Line) -> Line:
    keep = np.flatnonzero(np.isfinite(line.x))
    keep = keep[thin_line(line.x[keep], line.y[keep], MAX_LINE_POINTS)]
    extra = None if line.extra is None else [line.extra[i] for i in keep]
    return Line(line.name, line.x[keep], line.y[keep], line.color, line.hover, extra)


def metric_title(metric: str) -> str:
    """Write a metric's name as a person says it."""
    base = metric.removeprefix("val_")
    return ("validation " if base != metric else "") + _TITLES.get(base, base.replace("_", " "))
