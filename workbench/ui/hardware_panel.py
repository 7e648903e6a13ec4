"""The hardware of one run: what it says, its numbers now, and all of it under the loss on one axis."""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
import streamlit as st

from workbench import plots
from workbench.training import Run
from workbench.training.hardware_advice import advice
from workbench.ui.hardware_now import card, why_no_gpu
from workbench.ui.picture import picture

_RECENT = 60  # samples behind the number of a card
_CARDS = 4  # GPUs that have a card of their own; all are in the table


def show(run: Run, *, by: Literal["time", "step"] = "time", key: str = "hardware") -> None:
    """Draw what a run's hardware did, with advice on top; for a run without a GPU what there is.

    Parameters
    ----------
    run : Run
    by : {"time", "step"}
        Axis of the curves.
    key : str
        Of the widgets.
    """
    hardware, history, state = run.hardware(), run.history(), run.state
    if not hardware.height:
        st.info("The first sample comes within a second of the run's start.", icon=":material/memory:")
        return
    for found in advice(hardware, history, now=not state.has_ended):
        shown = st.warning if found.level == "warning" else st.info
        shown(f"**{found.title}.** {found.words} {found.remedy}")
    gpus = _gpus(hardware)
    with st.grid(4, min_column_width=180):
        _cards(run, hardware, gpus)
    if gpus:
        st.dataframe(
            _gpu_table(hardware, gpus),
            hide_index=True,
            column_config={
                "in use": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
                "last minute": st.column_config.LineChartColumn(y_min=0, y_max=100),
            },
        )
    unit = state.unit if state.unit in ("tree", "round", "trial") else "step"
    figure = plots.live_curves(
        history,
        hardware,
        by=by,
        started=state.started,
        unit=unit,
        metrics=["loss"],
        detail=True,
        interrupted=state.interrupted,
    )
    picture(figure, key=f"{key}.curves", numbers=hardware, name=f"{run.id}-hardware")
    st.caption(f"Energy: {run.energy.words}" + ("" if gpus else f" {why_no_gpu()}"))


def _gpus(hardware: pl.DataFrame) -> list[int]:
    return sorted(int(name[3:].partition("_")[0]) for name in hardware.columns if name.endswith("_own"))


def _cards(run: Run, hardware: pl.DataFrame, gpus: list[int]) -> None:
    recent = hardware.tail(_RECENT)

    def of(name: str, scale: float = 1.0) -> list[float | None]:
        values = recent[name].to_list() if name in recent.columns else [None]
        return [None if value is None else value / scale for value in values]

    for index in gpus[:_CARDS]:
        use = of(f"gpu{index}_utilisation_percent")
        card(f"GPU {index}", use[-1], "{:.0f} %", use)
    cpu, memory, own = of("cpu_percent"), of("memory_mib", 1024), of("process_memory_mib", 1024)
    card("Processors", cpu[-1], "{:.0f} %", cpu)
    total = of("memory_total_mib", 1024)[-1]
    card("Memory", memory[-1], "{:.1f} GiB" if total is None else f"{{:.1f}} of {total:.0f} GiB", memory)
    card("Memory of this run", own[-1], "{:.2f} GiB", own)
    written, free = of("disk_write_mib_s"), of("disk_free_mib", 1024)
    card("Disk free", free[-1], "{:,.0f} GiB", help="Of the disk where the run is stored.")
    card("Written to disk", written[-1], "{:.1f} MiB/s", written)
    energy = run.energy
    card("Energy", energy.wh, "{:.2f} Wh", of("energy_wh"), help=energy.words)


def _gpu_table(hardware: pl.DataFrame, gpus: list[int]) -> pl.DataFrame:
    last, recent = hardware.row(-1, named=True), hardware.tail(_RECENT)
    return pl.DataFrame([_gpu_row(index, last, recent) for index in gpus], infer_schema_length=None)


def _gpu_row(index: int, last: dict[str, Any], recent: pl.DataFrame) -> dict[str, Any]:
    def now(field: str) -> Any:
        return last.get(f"gpu{index}_{field}")

    history = recent[f"gpu{index}_utilisation_percent"].drop_nulls().to_list()
    others = now("n_other_processes")
    return {
        "GPU": f"{index}: {now('name') or 'no answer'}" + (", this run" if now("own") else ""),
        "in use": now("utilisation_percent"),
        "last minute": history,
        "memory": _of(now("memory_mib"), now("memory_total_mib"), "GiB", 1024),
        "of this run": _of(now("own_memory_mib"), None, "GiB", 1024),
        "of others": "unknown" if others is None else _others(int(others), now("others_memory_mib")),
        "bandwidth": _of(now("memory_bandwidth_percent"), None, "%"),
        "power": _of(now("power_w"), now("power_limit_w"), "W"),
        "temperature": _of(now("temperature_c"), None, "°C"),
        "chip's clock": _of(now("sm_clock_mhz"), None, "MHz"),
        "memory's clock": _of(now("memory_clock_mhz"), None, "MHz"),
        "PCIe": f"{now('pcie_link') or 'unknown'}: {_of(now('pcie_rx_mib_s'), None, 'MiB/s')} in, "
        f"{_of(now('pcie_tx_mib_s'), None, 'MiB/s')} out",
        "slowed by": "unknown" if now("slowed_by") is None else now("slowed_by") or "nothing",
    }


def _of(value: float | None, total: float | None, unit: str, scale: float = 1.0) -> str:
    if value is None:
        return "unknown"
    digits = 1 if scale > 1 else 0
    limit = "" if total is None else f" of {total / scale:,.{digits}f}"
    return f"{value / scale:,.{digits}f}{limit} {unit}"


def _others(n_processes: int, memory: float | None) -> str:
    if not n_processes:
        return "none"
    held = "" if memory is None else f", {memory / 1024:,.1f} GiB"
    return f"{n_processes} {'process' if n_processes == 1 else 'processes'}{held}"
