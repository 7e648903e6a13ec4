"""The panels of the hardware: one for each quantity, a line for each GPU, and a band where there are many."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl

from workbench.plots.panels import Axis, Line, Panel
from workbench.plots.theme import BLUE, GREY, MAX_LINE_POINTS, ORANGE, PURPLE, SKY, SPLIT_COLORS, VERMILION, thin_line

_GPU_COLORS = (PURPLE, VERMILION, SPLIT_COLORS["test"], SPLIT_COLORS["validation"])  # yellow is too pale on white
_SINGLE_LINES = 4  # GPUs that are told apart by colour; more are a band with their mean
_BAND_POINTS = 300


def hardware_panels(table: pl.DataFrame, axis: Axis, *, detail: bool = False) -> list[Panel]:
    """Make panels for GPUs, processors and memory; a field that no sample has gives no panel.

    Parameters
    ----------
    table : DataFrame
        As `hardware.hardware_table` gives it.
    axis : Axis
    detail : bool
        Also bandwidth, power, temperature, clocks, link, disk and energy.
    """
    if not table.height:
        return []
    table = table.hstack([pl.Series("_place", axis.of_times(table["time"].to_numpy()))])
    gpus = gpu_indices(table)
    found = [
        Panel("GPU (%)", _gpu_lines(table, gpus, "utilisation_percent", "%"), 100, (0, 105)),
        Panel("GPU memory (GiB)", _gpu_memory(table, gpus), 90),
    ]
    if detail:
        found += _more_of_gpus(table, gpus)
    found += [
        Panel("CPU (%)", _lines(table, "%", ("cpu_percent", "all cores", GREY)), 90, (0, 105)),
        Panel(
            "memory (GiB)",
            _lines(table, "GiB", ("memory_mib", "machine", GREY), ("process_memory_mib", "this run", SKY)),
            90,
        ),
    ]
    if detail:
        found += [
            Panel(
                "disk (MiB/s)",
                _lines(table, "MiB/s", ("disk_read_mib_s", "read", BLUE), ("disk_write_mib_s", "written", ORANGE)),
                80,
            ),
            Panel("energy (Wh)", _lines(table, "Wh", ("energy_wh", "this run", VERMILION)), 80),
        ]
    return _ranged(found)


def gpu_indices(table: pl.DataFrame) -> list[int]:
    """Give the numbers of the GPUs that a table of samples tells of."""
    heads = {name.partition("_")[0] for name in table.columns}
    return sorted(int(head[3:]) for head in heads if head.startswith("gpu") and head[3:].isdigit())


def _ranged(panels: Sequence[Panel]) -> list[Panel]:
    for panel in panels:
        panel.lines = [line for line in panel.lines if np.isfinite(line.y).any()]
        if panel.range is None and panel.lines:
            panel.range = (0, 1.15 * max(float(np.nanmax(line.y)) for line in panel.lines) or 1.0)
    return [panel for panel in panels if panel.lines]


def _more_of_gpus(table: pl.DataFrame, gpus: list[int]) -> list[Panel]:
    power = _gpu_lines(table, gpus, "power_w", "W")
    if len(gpus) == 1:
        limit = _lines(table, "W", (f"gpu{gpus[0]}_power_limit_w", "limit", GREY))
        power += [replace(line, dash="dot") for line in limit]
    return [
        Panel("GPU memory bandwidth (%)", _gpu_lines(table, gpus, "memory_bandwidth_percent", "%"), 80, (0, 105)),
        Panel("GPU power (W)", power, 80),
        Panel("GPU temperature (°C)", _gpu_lines(table, gpus, "temperature_c", "°C"), 80),
        Panel("GPU clock (MHz)", _gpu_lines(table, gpus, "sm_clock_mhz", "MHz"), 80),
        *_link_panels(table, gpus),
    ]


def _link_panels(table: pl.DataFrame, gpus: list[int]) -> list[Panel]:
    if len(gpus) != 1:
        return [
            Panel("PCIe to GPU (MiB/s)", _gpu_lines(table, gpus, "pcie_rx_mib_s", "MiB/s"), 80),
            Panel("PCIe from GPU (MiB/s)", _gpu_lines(table, gpus, "pcie_tx_mib_s", "MiB/s"), 80),
        ]
    one = f"gpu{gpus[0]}_pcie"
    lines = _lines(table, "MiB/s", (f"{one}_rx_mib_s", "to GPU", BLUE), (f"{one}_tx_mib_s", "from GPU", ORANGE))
    return [Panel("PCIe (MiB/s)", lines, 80)]


def _gpu_memory(table: pl.DataFrame, gpus: list[int]) -> list[Line]:
    lines = _gpu_lines(table, gpus, "memory_mib", "GiB")
    if len(gpus) == 1:
        lines += _lines(table, "GiB", (f"gpu{gpus[0]}_own_memory_mib", "this run", SKY))
    return lines


def _gpu_lines(table: pl.DataFrame, gpus: list[int], field: str, unit: str) -> list[Line]:
    if len(gpus) > _SINGLE_LINES:
        return _band(table, gpus, field, unit)
    lines = []
    for nth, index in enumerate(gpus):
        own = len(gpus) > 1 and _is_own(table, index)
        label = "GPU" if len(gpus) == 1 else f"GPU {index}{', this run' if own else ''}"
        form, extra = f"%{{y:.3g}} {unit}", None
        if field == "utilisation_percent":
            form, extra = "%{y:.0f} %%{customdata}", partial(_beside, index=index)
        elif field == "sm_clock_mhz":
            form, extra = "%{y:.0f} MHz%{customdata}", partial(_slowed, index=index)
        values = _values(table, f"gpu{index}_{field}")
        lines.append(_line(table, values, label, _GPU_COLORS[nth % len(_GPU_COLORS)], form, extra))
    return lines


def _band(table: pl.DataFrame, gpus: list[int], field: str, unit: str) -> list[Line]:
    """Draw the mean of many GPUs, the span from the least to the most, and each GPU as a thin line."""
    every = np.vstack([_values(table, f"gpu{index}_{field}") for index in gpus])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a moment in which none told anything has no mean
        low, high, mean = np.nanmin(every, axis=0), np.nanmax(every, axis=0), np.nanmean(every, axis=0)
    hover = f"%{{y:.3g}} {unit}"
    keep = thin_line(mean, mean, _BAND_POINTS)  # the same moments for both edges, or the shade between them is torn
    place = table["_place"].to_numpy()
    lines = [
        Line("least", place[keep], low[keep], GREY, hover, width=0.0, labelled=False),
        Line("most", place[keep], high[keep], GREY, hover, width=0.0, labelled=False, fill="tonexty"),
    ]
    for values, index in zip(every, gpus, strict=True):
        thin = _line(table, values, f"GPU {index}", GREY, hover, max_points=_BAND_POINTS)
        lines.append(replace(thin, width=1.0, opacity=0.45, labelled=False))
    return [*lines, _line(table, mean, f"mean of {len(gpus)} GPUs", PURPLE, hover)]


def _lines(table: pl.DataFrame, unit: str, *wanted: tuple[str, str, str]) -> list[Line]:
    return [
        _line(table, _values(table, name), label, color, f"%{{y:.3g}} {unit}")
        for name, label, color in wanted
        if name in table.columns
    ]


def _line(
    table: pl.DataFrame,
    values: np.ndarray,
    label: str,
    color: str,
    hover: str,
    extra: Callable[[pl.DataFrame, np.ndarray], list[str]] | None = None,
    *,
    max_points: int = MAX_LINE_POINTS,
) -> Line:
    place = table["_place"].to_numpy()
    keep = np.flatnonzero(np.isfinite(place))  # by step, samples outside of the logged steps have no place
    keep = keep[thin_line(place[keep], values[keep], max_points)]
    said = None if extra is None else extra(table, keep)
    return Line(label, place[keep], values[keep], color, hover, said)


def _values(table: pl.DataFrame, name: str) -> np.ndarray:
    if name not in table.columns:
        return np.full(table.height, np.nan)
    column = table[name]
    values = (column if column.dtype == pl.Float64 else column.cast(pl.Float64, strict=False)).to_numpy()  # null is NaN
    return values / 1024 if name.endswith("_mib") else values  # sizes in GiB, rates (mib_s) as they are


def _is_own(table: pl.DataFrame, index: int) -> bool:
    name = f"gpu{index}_own"
    return name in table.columns and bool(table[name].cast(pl.Boolean, strict=False).any())


def _beside(table: pl.DataFrame, keep: np.ndarray, index: int) -> list[str]:
    """Say power and temperature behind a utilisation."""
    return _said(table, keep, _rounded(f"gpu{index}_power_w", "W"), _rounded(f"gpu{index}_temperature_c", "°C"))


def _rounded(name: str, unit: str) -> tuple[pl.Expr, str]:
    return pl.format(f", {{}} {unit}", pl.col(name).cast(pl.Float64).round(0).cast(pl.Int64)), name


def _slowed(table: pl.DataFrame, keep: np.ndarray, index: int) -> list[str]:
    """Say what held the clocks down."""
    name = f"gpu{index}_slowed_by"
    words = pl.col(name).cast(pl.String)
    return _said(
        table, keep, (pl.when(words != "").then(pl.format(", slowed by {}", words)).otherwise(pl.lit("")), name)
    )


def _said(table: pl.DataFrame, keep: np.ndarray, *parts: tuple[pl.Expr, str]) -> list[str]:
    known = {name: expression.fill_null("") for expression, name in parts if name in table.columns}
    if not known:
        return [""] * len(keep)
    return table[list(known)][keep].select(pl.concat_str(*known.values()).alias("said"))["said"].to_list()
