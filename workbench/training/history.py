"""The curves of a run: lines appended while it trains, read back as frames."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from workbench import storage
from workbench.training.energy import Energy
from workbench.training.gpu import NUMBERS, PCIE
from workbench.training.state import HARDWARE, HISTORY

LAYERS = "layers.jsonl"

_HISTORY_SCHEMA = {"time": pl.Float64, "step": pl.Int64, "epoch": pl.Float64}
_LAYER_VALUES = ("weights", "gradients", "update_ratio", "dead")
_HARDWARE_COLUMNS = (
    "time",
    "cpu_percent",
    "cpu_power_w",
    "memory_mib",
    "memory_total_mib",
    "swap_mib",
    "swap_total_mib",
    "disk_read_mib_s",
    "disk_write_mib_s",
    "disk_free_mib",
    "disk_total_mib",
    "process_cpu_percent",
    "process_memory_mib",
)
_GPU_FIELDS = (
    *NUMBERS,
    *PCIE,
    "own_memory_mib",
    "others_memory_mib",
    "n_other_processes",
)
_GPU_WORDS = ("name", "pcie_link", "slowed_by")


class HistoryWriter:
    """Append the measured points of a run to its ``history.jsonl``, and looks at its layers to ``layers.jsonl``."""

    def __init__(self, folder: Path) -> None:
        self._paths = (folder / HISTORY, folder / LAYERS)
        # Boosting appends a point a round: opening the file anew would be half of what a point costs.
        self._points, self._layers = (storage.JsonLines(path) for path in self._paths)

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
        self._points.append(line)

    def append_layers(self, step: int, epoch: float, layers: Sequence[Mapping[str, Any]]) -> None:
        """Append what a network saw of its layers; see `layers_frame`."""
        line = {"time": round(time.time(), 3), "step": int(step), "epoch": round(float(epoch), 4), "layers": layers}
        self._layers.append(line)

    def position(self) -> dict[str, int]:
        """Give the length of each file in bytes, to `cut_back` to later."""
        return {path.name: _length(path) for path in self._paths}

    def cut_back(self, position: Mapping[str, int]) -> None:
        """Remove what was appended after a position, so that a resumed run doesn't tell it twice.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        for path in self._paths:
            if _length(path) > position[path.name]:
                with storage.disk_errors(path), path.open("rb+") as file:
                    file.truncate(position[path.name])


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def history_since(folder: Path, position: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read the points after a position; give them with the position to go on from."""
    return storage.read_json_lines(folder / HISTORY, position)


def hardware_since(folder: Path, position: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read the hardware samples after a position; give them with the position to go on from."""
    return storage.read_json_lines(folder / HARDWARE, position)


def layers_since(folder: Path, position: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read the looks at a network's layers after a position; give them with the position to go on from."""
    return storage.read_json_lines(folder / LAYERS, position)


def layers_frame(lines: list[dict[str, Any]]) -> pl.DataFrame:
    """Arrange looks at a network's layers as a frame, one row per look and layer.

    Columns: ``time``, ``step``, ``epoch``, ``layer`` (its name, in the network's order within a look), ``weights`` and
    ``gradients`` (norms of all of the layer's weights together and of their gradients on one batch), ``update_ratio``
    (norm of one step over that of the weights), ``dead`` (share of units that answered 0 to every row of the batch).
    Null where a layer has none, or it wasn't measured.

    Examples
    --------
    >>> layer = {"name": "dense", "weights": 2.0, "gradients": 0.1, "update_ratio": None, "dead": 0.25}
    >>> layers_frame([{"time": 1.0, "step": 8, "epoch": 1.0, "layers": [layer]}]).row(0)
    (1.0, 8, 1.0, 'dense', 2.0, 0.1, None, 0.25)
    """
    schema = {**_HISTORY_SCHEMA, "layer": pl.String, **dict.fromkeys(_LAYER_VALUES, pl.Float64)}
    rows = [
        {**{key: line.get(key) for key in _HISTORY_SCHEMA}, **layer, "layer": layer.get("name")}
        for line in lines
        for layer in line.get("layers", [])
    ]
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema, strict=False)


def history_frame(lines: list[dict[str, Any]]) -> pl.DataFrame:
    """Arrange points as a frame: time, step, epoch and one column per metric, null where it wasn't measured.

    Examples
    --------
    >>> history_frame([{"time": 1.0, "step": 1, "epoch": 1, "metrics": {"loss": 0.5}}]).columns
    ['time', 'step', 'epoch', 'loss']
    """
    points = [line.get("metrics", {}) for line in lines]
    names = list(dict.fromkeys(name for point in points for name in point))
    columns = {name: [line.get(name) for line in lines] for name in _HISTORY_SCHEMA}
    columns |= {name: [point.get(name) for point in points] for name in names}
    schema = {**_HISTORY_SCHEMA, **dict.fromkeys(names, pl.Float64)}
    return pl.DataFrame(columns, schema=schema, strict=False)


def hardware_frame(lines: list[dict[str, Any]]) -> pl.DataFrame:
    """Arrange hardware samples as a wide frame, one row a sample.

    Columns: `time`, `cpu_percent`, `cpu_power_w`, `memory_mib`, `memory_total_mib`, `swap_mib`, `swap_total_mib`,
    `disk_read_mib_s`, `disk_write_mib_s`, `disk_free_mib`, `disk_total_mib`, `process_cpu_percent`,
    `process_memory_mib`, `energy_wh` (so far), and for each GPU ``gpu0_name``, the numbers of `gpu.read_gpus` such as
    ``gpu0_utilisation_percent``, ``gpu0_pcie_link``, ``gpu0_slowed_by`` (words, empty at full speed) and ``gpu0_own``
    (whether a process of the run is on it).
    """
    indices = sorted({gpu["index"] for line in lines for gpu in line.get("gpus", [])})
    schema: dict[str, Any] = dict.fromkeys((*_HARDWARE_COLUMNS, "energy_wh"), pl.Float64)
    for index in indices:
        schema |= {f"gpu{index}_{field}": pl.String for field in _GPU_WORDS}
        schema |= {f"gpu{index}_{field}": pl.Float64 for field in _GPU_FIELDS}
        schema[f"gpu{index}_own"] = pl.Boolean
    rows = []
    for line in lines:
        row = {name: line.get(name) for name in _HARDWARE_COLUMNS}
        row["energy_wh"] = Energy.from_dict(line.get("energy")).wh
        for gpu in line.get("gpus", []):
            row |= {f"gpu{gpu['index']}_{field}": _cell(value) for field, value in gpu.items() if field != "index"}
        rows.append(row)
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema, strict=False)


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
