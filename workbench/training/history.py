"""The curves of a run: lines appended while it trains, read back as frames."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from workbench import storage
from workbench.training.state import HARDWARE, HISTORY

_HISTORY_SCHEMA = {"time": pl.Float64, "step": pl.Int64, "epoch": pl.Float64}
_HARDWARE_COLUMNS = (
    "time",
    "cpu_percent",
    "memory_mib",
    "memory_total_mib",
    "process_cpu_percent",
    "process_memory_mib",
)
_GPU_FIELDS = (
    "utilisation_percent",
    "memory_mib",
    "memory_total_mib",
    "power_w",
    "temperature_c",
    "own_memory_mib",
)


class HistoryWriter:
    """Append the measured points of a run to its ``history.jsonl``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / HISTORY

    def append(self, step: int, epoch: float, metrics: Mapping[str, float], *, at: float | None = None) -> None:
        """Append one point.

        Parameters
        ----------
        step : int
            What the loop counts: optimizer steps, trees, rounds.
        epoch : float
            Epochs done, fractional inside an epoch; the same as `step` for loops without epochs.
        metrics : mapping of str to float
        at : float, optional
            When it was measured, in Unix seconds; now when absent.
        """
        values = {name: float(value) for name, value in metrics.items()}
        line = {
            "time": round(at or time.time(), 3),
            "step": int(step),
            "epoch": round(float(epoch), 4),
            "metrics": values,
        }
        storage.append_json_line(self._path, line)

    def position(self) -> int:
        """Give the length of the file in bytes, to `cut_back` to later."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def cut_back(self, position: int) -> None:
        """Remove what was appended after a position, so that a resumed run doesn't tell it twice.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        if self.position() > position:
            with storage.disk_errors(self._path), self._path.open("rb+") as file:
                file.truncate(position)


def history_since(folder: Path, position: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read the points after a position; give them with the position to go on from."""
    return storage.read_json_lines(folder / HISTORY, position)


def hardware_since(folder: Path, position: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read the hardware samples after a position; give them with the position to go on from."""
    return storage.read_json_lines(folder / HARDWARE, position)


def history_frame(lines: list[dict[str, Any]]) -> pl.DataFrame:
    """Arrange points as a frame: time, step, epoch and one column per metric, null where it wasn't measured.

    Examples
    --------
    >>> history_frame([{"time": 1.0, "step": 1, "epoch": 1, "metrics": {"loss": 0.5}}]).columns
    ['time', 'step', 'epoch', 'loss']
    """
    names = list(dict.fromkeys(name for line in lines for name in line.get("metrics", {})))
    schema = {**_HISTORY_SCHEMA, **dict.fromkeys(names, pl.Float64)}
    rows = [{**{key: line.get(key) for key in _HISTORY_SCHEMA}, **line.get("metrics", {})} for line in lines]
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema, strict=False)


def hardware_frame(lines: list[dict[str, Any]]) -> pl.DataFrame:
    """Arrange hardware samples as a wide frame, one row a sample.

    Columns: `time`, `cpu_percent`, `memory_mib`, `memory_total_mib`, `process_cpu_percent`, `process_memory_mib`, and
    for each GPU ``gpu0_name``, ``gpu0_utilisation_percent``, ``gpu0_memory_mib``, ``gpu0_memory_total_mib``,
    ``gpu0_power_w``, ``gpu0_temperature_c``, ``gpu0_own_memory_mib`` and ``gpu0_own`` (whether a process of the run is
    on it).
    """
    indices = sorted({gpu["index"] for line in lines for gpu in line.get("gpus", [])})
    schema: dict[str, Any] = dict.fromkeys(_HARDWARE_COLUMNS, pl.Float64)
    for index in indices:
        schema[f"gpu{index}_name"] = pl.String
        schema |= {f"gpu{index}_{field}": pl.Float64 for field in _GPU_FIELDS}
        schema[f"gpu{index}_own"] = pl.Boolean
    rows = []
    for line in lines:
        row = {name: line.get(name) for name in _HARDWARE_COLUMNS}
        for gpu in line.get("gpus", []):
            row |= {f"gpu{gpu['index']}_{field}": value for field, value in gpu.items() if field != "index"}
        rows.append(row)
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema, strict=False)
