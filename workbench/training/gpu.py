"""GPUs, one field at a time: a field that fails is null, and only that field.

Some boards, drivers and virtual machines answer a part of the questions only, and a GPU can vanish while a run trains.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol

from workbench.training.nvml import GpuProcess, NvmlReader

__all__ = ["NUMBERS", "GpuProcess", "GpuReader", "NvmlReader", "gpu_report", "no_tpu", "read_gpus"]

NUMBERS = (
    "utilisation_percent",
    "memory_bandwidth_percent",
    "memory_mib",
    "memory_total_mib",
    "power_w",
    "power_limit_w",
    "temperature_c",
    "sm_clock_mhz",
    "memory_clock_mhz",
)
PCIE = ("pcie_rx_mib_s", "pcie_tx_mib_s")
MANY_GPUS = 2  # beyond, what the link carries is asked of the run's own GPUs only: each answer takes 20 ms


class GpuReader(Protocol):
    """What the sampler asks about GPUs. Every method may raise; the sampler then shows that one field as missing.

    Beside these, a reader has a method for each of `NUMBERS` and `PCIE`, ``pcie_link`` and ``slowed_by``; one that is
    absent is as one that fails.
    """

    def n_devices(self) -> int:
        """Count the GPUs."""

    def name(self, index: int) -> str:
        """Give the product name."""

    def processes(self, index: int) -> list[GpuProcess]:
        """Give the processes on the GPU."""


def read_gpus(reader: GpuReader, own_pids: Collection[int], *, known: int = 0) -> list[dict[str, Any]]:
    """Ask every field of every GPU.

    Parameters
    ----------
    reader : GpuReader
    own_pids : collection of int
        The run's own processes.
    known : int
        GPUs seen before; they stay in the list, with missing fields, when the count itself fails.

    Returns
    -------
    list of dict
        ``index``, ``name``, each of `NUMBERS` and `PCIE`, ``pcie_link``, ``slowed_by`` (a list of words, empty at full
        speed), ``own`` (whether a process of the run is on the GPU), ``own_memory_mib``, ``others_memory_mib``,
        ``n_other_processes``; None for what couldn't be read.
    """
    count = _ask(reader.n_devices)
    n_gpus = known if count is None else max(count, known)
    return [_read_gpu(reader, index, own_pids, many=n_gpus > MANY_GPUS) for index in range(n_gpus)]


def _read_gpu(reader: GpuReader, index: int, own_pids: Collection[int], *, many: bool) -> dict[str, Any]:
    gpu: dict[str, Any] = {"index": index, "name": _ask(reader.name, index)}
    for field in NUMBERS:
        gpu[field] = _rounded(_ask_field(reader, field, index))
    use = _use(_ask(reader.processes, index), own_pids)
    for field in PCIE:
        gpu[field] = None if many and not use["own"] else _rounded(_ask_field(reader, field, index))
    for field in ("pcie_link", "slowed_by"):
        gpu[field] = _ask_field(reader, field, index)
    return gpu | use


def _use(processes: list[GpuProcess] | None, own_pids: Collection[int]) -> dict[str, Any]:
    """Tell the run's own processes apart from others'."""
    if processes is None:
        return dict.fromkeys(("own", "own_memory_mib", "others_memory_mib", "n_other_processes"))
    own = [process.memory_mib for process in processes if process.pid in own_pids]
    others = [process.memory_mib for process in processes if process.pid not in own_pids]
    return {
        "own": bool(own),
        "own_memory_mib": _total(own),
        "others_memory_mib": _total(others),
        "n_other_processes": len(others),
    }


def _total(memories: list[float | None]) -> float | None:
    told = [memory for memory in memories if memory is not None]
    return round(sum(told), 2) if len(told) == len(memories) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _ask_field(reader: GpuReader, field: str, index: int) -> Any:
    return _ask(lambda: getattr(reader, field)(index))


def _ask(question: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return question(*arguments)
    except (
        Exception
    ):  # NVMLError, a driver's OSError, a missing symbol: each means "not known", and only for this field
        return None


def gpu_report(reader: GpuReader | None = None) -> dict[str, Any]:
    """Say which GPUs there are, or why there is none.

    Returns
    -------
    dict
        ``devices`` (as from `read_gpus`), ``driver`` (version or None), ``reason`` (None where there are devices) and
        ``tpu`` (why there is none).
    """
    reader = NvmlReader() if reader is None else reader
    try:
        count = reader.n_devices()
    except ImportError:
        return _none("The Python package nvidia-ml-py isn't installed: pip install nvidia-ml-py.")
    except Exception as error:
        return _none(_reason(error))
    if count == 0:
        return _none("The NVIDIA driver is there but sees no GPU.")
    driver = _ask(reader.driver) if isinstance(reader, NvmlReader) else None
    return {"devices": read_gpus(reader, ()), "driver": driver, "reason": None, "tpu": no_tpu()}


def no_tpu() -> str:
    """Say why no TPU is shown: looking for one means importing TensorFlow for seconds, and its name is known before."""
    import os
    from pathlib import Path

    if os.environ.get("TPU_NAME") or list(Path("/dev").glob("accel[0-9]*")):
        return "A TPU seems to be here. The workbench trains on CPUs and NVIDIA GPUs and doesn't measure TPUs."
    return "No TPU on this machine."


def _none(reason: str) -> dict[str, Any]:
    return {"devices": [], "driver": None, "reason": reason, "tpu": no_tpu()}


def _reason(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    if "library" in text.lower() and "not found" in text.lower():
        return "No NVIDIA driver on this machine (its library NVML wasn't found). Training runs on the CPU."
    return f"NVML refused: {text}. Training runs on the CPU unless the driver is mended."
