"""Hardware samples: one long frame whatever form they come in, gauges and sparklines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import BLUE, GREY, ORANGE, SKY, VERMILION, figure, note, number, thin_line

HARDWARE_COLUMNS = (
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
    "energy_wh",
)
GPU_FIELDS = ("utilisation_percent", "memory_mib", "memory_total_mib", "power_w", "temperature_c", "own_memory_mib")
Samples = pl.DataFrame | Iterable[dict[str, Any]] | None


def hardware_rows(hardware: Samples) -> list[dict[str, Any]]:
    """Bring hardware samples into rows of ``time``, the machine's fields, and ``gpus`` (a list of dicts).

    Parameters
    ----------
    hardware : DataFrame, iterable of dict, or None
        The lines of ``hardware.jsonl``, or a frame of them: with a ``gpus`` column of structs or JSON, with columns
        ``gpu<index>_<field>``, or long with one row for each sample and GPU (``gpu_index`` or ``gpu``, then the fields
        with or without ``gpu_`` in front). Any field may be null or absent.
    """
    if hardware is None:
        return []
    rows = hardware.to_dicts() if isinstance(hardware, pl.DataFrame) else [dict(row) for row in hardware]
    samples: dict[float, dict[str, Any]] = {}
    for row in rows:
        if row.get("time") is None:
            continue
        sample = samples.setdefault(float(row["time"]), {"time": float(row["time"]), "gpus": []})
        sample.update({name: row[name] for name in HARDWARE_COLUMNS if row.get(name) is not None})
        energy = row.get("energy")  # as a line of the file has it, in its parts
        if isinstance(energy, dict) and (
            known := [v for k, v in energy.items() if k.endswith("_wh") and v is not None]
        ):
            sample["energy_wh"] = sum(known)
        sample["gpus"].extend(_gpus_of(row))
    return sorted(samples.values(), key=lambda sample: float(sample["time"]))


def hardware_table(hardware: Samples) -> pl.DataFrame:
    """Bring hardware samples into a wide frame, as `hardware_rows` takes them.

    A frame that is wide already, as a run keeps it, stays as it is: a day of samples is drawn without a look at each.

    Returns
    -------
    DataFrame
        ``time``, the machine's fields, and ``gpu<index>_<field>``, in the order of time.
    """
    if isinstance(hardware, pl.DataFrame) and not {"gpus", "gpu", "gpu_index"} & set(hardware.columns):
        if "time" not in hardware.columns:
            return pl.DataFrame()
        known = hardware.filter(pl.col("time").is_not_null()) if hardware["time"].null_count() else hardware
        return known if known["time"].is_sorted() else known.sort("time")
    wide = []
    for sample in hardware_rows(hardware):
        row = {name: value for name, value in sample.items() if name != "gpus"}
        for gpu in sample["gpus"]:
            row |= {
                f"gpu{gpu.get('index', 0)}_{field}": _cell(value) for field, value in gpu.items() if field != "index"
            }
        wide.append(row)
    return pl.DataFrame(wide, infer_schema_length=None)


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def _gpus_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    gpus = row.get("gpus")
    if isinstance(gpus, str):
        gpus = json.loads(gpus)
    if gpus is not None:
        return [dict(gpu) for gpu in gpus if gpu]
    index = row.get("gpu_index", row.get("gpu"))
    if index is not None:
        fields = {name: row.get(f"gpu_{name}", row.get(name)) for name in GPU_FIELDS}
        if "gpu_memory_mib" not in row:  # without prefix these two are the machine's
            fields.update(memory_mib=None, memory_total_mib=None)
        return [{"index": int(index), "name": row.get("gpu_name", row.get("name")), **fields}]
    found: dict[int, dict[str, Any]] = {}
    for key, value in row.items():
        head, _, field = key.partition("_")
        if head.startswith("gpu") and head[3:].isdigit() and field:
            found.setdefault(int(head[3:]), {"index": int(head[3:])})[field] = value
    return [found[index] for index in sorted(found)]


def sparkline(values: Sequence[float | None], *, color: str = BLUE, height: int = 44, label: str = "") -> go.Figure:
    """Draw a small line without axes, for a table or a card; the last value is marked."""
    known = pl.Series(values, dtype=pl.Float64)
    fig = figure(None, height=height, alt=f"{label}: last value {number(known.drop_nulls().last())}".strip(": "))  # type: ignore[arg-type]
    keep = thin_line(known.to_numpy(), known.fill_null(float("nan")).to_numpy(), 200)
    fig.add_scatter(
        x=keep,
        y=known.gather(keep).to_list(),
        mode="lines",
        connectgaps=True,
        line={"color": color, "width": 1.8},
        hovertemplate=f"{label} %{{y:.4g}}<extra></extra>",
    )
    if known.drop_nulls().len():
        last = known.is_not_null().arg_true()[-1]
        fig.add_scatter(x=[last], y=[known[last]], mode="markers", marker={"color": color, "size": 6}, hoverinfo="skip")
    fig.update_layout(margin={"l": 2, "r": 6, "t": 4, "b": 4})
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False)
    return fig


def gauge(
    value: float | None, *, title: str, maximum: float = 100.0, unit: str = "%", history: Sequence[float | None] = ()
) -> go.Figure:
    """Draw a horizontal bar of a value against its maximum, above the line of its last minutes.

    A value that can't be read shows as "not reported".
    """
    of = "" if unit == "%" else f" of {number(maximum)}"
    said = "not reported" if value is None else f"{number(value, 3)} {unit}{of}"
    fig = figure(None, height=96 if history else 58, alt=f"{title}: {said}")
    share = 0.0 if value is None or maximum <= 0 else min(value / maximum, 1.0)
    color = VERMILION if share > 0.95 else ORANGE if share > 0.8 else SKY
    low, high = (0.62, 0.78) if history else (0.1, 0.5)
    place = {"type": "rect", "xref": "paper", "yref": "paper", "x0": 0, "y0": low, "y1": high, "line": {"width": 0}}
    for end, shade in ((1.0, "rgba(128, 128, 128, 0.2)"), (share, color)):
        fig.add_shape(x1=end, fillcolor=shade, **place)
    fig.add_annotation(note(f"{title} <b>{said}</b>", 0, 1, xanchor="left", yanchor="top"))
    if history:
        past = list(history)
        fig.add_scatter(
            x=list(range(1 - len(past), 1)),
            y=past,
            mode="lines",
            fill="tozeroy",
            fillcolor="rgba(128, 128, 128, 0.15)",
            line={"color": GREY, "width": 1.2},
            hovertemplate=f"%{{y:.4g}} {unit}<extra></extra>",
        )
        fig.update_yaxes(domain=[0, 0.52], range=[0, maximum])
    fig.update_layout(margin={"l": 2, "r": 2, "t": 2, "b": 2})
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False)
    return fig
