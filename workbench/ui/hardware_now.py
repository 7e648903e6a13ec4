"""The machine now: processor, memory, disk and GPUs, with the last two minutes."""

from __future__ import annotations

import shutil
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import streamlit as st

from workbench.settings import current
from workbench.training.hardware import Meter, gpu_report

SECONDS = 2.0
KEPT = 60  # samples: two minutes while a page is open


class _Recent:
    """The last samples, shared by all browsers; a page that is open takes the next one."""

    def __init__(self) -> None:
        self._meter = Meter()
        self._meter.sample()  # the first CPU share counts from here
        self._samples: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def take(self) -> list[dict[str, Any]]:
        with self._lock:
            sample = self._meter.sample()
            if not self._samples or sample["time"] - self._samples[-1]["time"] >= SECONDS * 0.6:
                self._samples.append(sample)
            return list(self._samples)


@st.cache_resource(show_spinner=False)
def _recent() -> _Recent:
    return _Recent()


@st.fragment(run_every=SECONDS)
def draw() -> None:
    """Draw one card for each part of the machine."""
    samples = _recent().take()
    last = samples[-1]
    with st.grid(4, min_column_width=190):
        card("Processor", last["cpu_percent"], "{:.0f} %", [sample["cpu_percent"] for sample in samples])
        total = last["memory_total_mib"]
        used = None if last["memory_mib"] is None else last["memory_mib"] / 1024
        unit = "{:.1f} GiB" if not total else f"{{:.1f}} of {total / 1024:.0f} GiB"
        card("Memory", used, unit, [sample["memory_mib"] for sample in samples])
        for gpu in last["gpus"]:
            _gpu_card(gpu, samples)
        _disk()
        if not last["gpus"]:
            st.metric("GPU", "none", border=True, height="stretch", help=why_no_gpu())


def card(label: str, value: float | None, form: str, history: Sequence[float | None] = (), **more: Any) -> None:
    """Draw a number with the line of its last values; one that can't be read is said to be so."""
    known = [entry for entry in history if entry is not None]
    st.metric(
        label,
        "not reported" if value is None else form.format(value),
        border=True,
        height="stretch",
        chart_data=known if len(known) > 1 else None,
        chart_type="line",
        **more,
    )


def _gpu_card(gpu: dict[str, Any], samples: list[dict[str, Any]]) -> None:
    index = gpu["index"]
    parts = [
        f"{gpu[name] / scale:.{digits}f} {unit}"
        for name, scale, digits, unit in (
            ("memory_mib", 1024, 1, "GiB in use"),
            ("power_w", 1, 0, "W"),
            ("temperature_c", 1, 0, "°C"),
            ("sm_clock_mhz", 1, 0, "MHz"),
        )
        if gpu.get(name) is not None
    ]
    if gpu.get("slowed_by"):
        parts.append(f"slowed by {', '.join(gpu['slowed_by'])}")

    def utilisation(sample: dict[str, Any]) -> float | None:
        return next((entry["utilisation_percent"] for entry in sample["gpus"] if entry["index"] == index), None)

    card(
        f"GPU {index}",
        gpu["utilisation_percent"],
        "{:.0f} %",
        [utilisation(sample) for sample in samples],
        help=f"{gpu['name']}: {', '.join(parts)}",
    )


def _disk() -> None:
    home = current().home
    folder = home if home.exists() else home.absolute().parent
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return
    free = usage.free / 2**30
    st.metric(
        "Disk free",
        f"{free:,.0f} GiB",
        border=True,
        height="stretch",
        help=f"Of {usage.total / 2**30:,.0f} GiB, where the tables and runs lie.",
    )


@st.cache_data(ttl="1m", max_entries=1, show_spinner=False)
def why_no_gpu() -> str:
    """Say why there is no GPU, and that there is no TPU either."""
    report = gpu_report()
    return f"{report['reason'] or 'A GPU answered just now.'} {report['tpu']}"
