"""GPUs through NVML, one field at a time: a field that fails is null, and only that field.

Some boards, drivers and virtual machines answer a part of the questions only, and a GPU can vanish while a run trains.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Protocol

_MIB = 1024 * 1024


class GpuReader(Protocol):
    """What the sampler asks about GPUs. Every method may raise; the sampler then shows that one field as missing."""

    def n_devices(self) -> int:
        """Count the GPUs."""

    def name(self, index: int) -> str:
        """Give the product name."""

    def utilisation_percent(self, index: int) -> float:
        """Share of the last moments in which a kernel ran, in percent."""

    def memory_mib(self, index: int) -> float:
        """Memory in use by everyone, in MiB."""

    def memory_total_mib(self, index: int) -> float:
        """Memory that the board has, in MiB."""

    def power_w(self, index: int) -> float:
        """Power drawn now, in watt."""

    def temperature_c(self, index: int) -> float:
        """Temperature of the chip, in degrees Celsius."""

    def process_memory_mib(self, index: int) -> dict[int, float | None]:
        """Memory of each process on the GPU by pid, in MiB; None where the driver doesn't tell."""


class NvmlReader:
    """NVIDIA's management library behind the `GpuReader` protocol.

    Parameters
    ----------
    nvml : module, optional
        ``pynvml`` (of the package nvidia-ml-py) when absent; tests pass one that plays a written trace.
    """

    def __init__(self, nvml: Any = None) -> None:
        self._nvml = nvml
        self._ready = False
        self._lock = threading.Lock()

    def n_devices(self) -> int:
        """Count the GPUs, connecting first where that isn't done.

        A failure disconnects, so that the next call tries anew.
        """
        with self._lock:
            try:
                if not self._ready:
                    self._connect()
                return int(self._nvml.nvmlDeviceGetCount())
            except Exception:
                if self._ready:
                    self._ready = False
                    with suppress(Exception):
                        self._nvml.nvmlShutdown()
                raise

    def _connect(self) -> None:
        if self._nvml is None:
            import pynvml

            self._nvml = pynvml
        self._nvml.nvmlInit()
        self._ready = True

    def name(self, index: int) -> str:
        """Give the product name."""
        name = self._ask("nvmlDeviceGetName", index)
        return name.decode() if isinstance(name, bytes) else str(name)

    def utilisation_percent(self, index: int) -> float:
        """Share of the last moments in which a kernel ran, in percent."""
        return float(self._ask("nvmlDeviceGetUtilizationRates", index).gpu)

    def memory_mib(self, index: int) -> float:
        """Memory in use by everyone, in MiB."""
        return float(self._ask("nvmlDeviceGetMemoryInfo", index).used / _MIB)

    def memory_total_mib(self, index: int) -> float:
        """Memory that the board has, in MiB."""
        return float(self._ask("nvmlDeviceGetMemoryInfo", index).total / _MIB)

    def power_w(self, index: int) -> float:
        """Power drawn now, in watt (NVML counts milliwatt)."""
        return float(self._ask("nvmlDeviceGetPowerUsage", index) / 1000)

    def temperature_c(self, index: int) -> float:
        """Temperature of the chip, in degrees Celsius."""
        sensor = getattr(self._nvml, "NVML_TEMPERATURE_GPU", 0)
        return float(self._ask("nvmlDeviceGetTemperature", index, sensor))

    def process_memory_mib(self, index: int) -> dict[int, float | None]:
        """Memory of each process on the GPU by pid, in MiB; None where the driver doesn't tell."""
        found: dict[int, float | None] = {}
        for process in self._ask("nvmlDeviceGetComputeRunningProcesses", index):
            used = process.usedGpuMemory
            found[int(process.pid)] = None if used is None else used / _MIB
        return found

    def driver(self) -> str:
        """Give the driver's version."""
        version = self._nvml.nvmlSystemGetDriverVersion()
        return version.decode() if isinstance(version, bytes) else str(version)

    def _ask(self, function: str, index: int, *arguments: Any) -> Any:
        if self._nvml is None:
            raise RuntimeError("NVML isn't connected")
        # The handle is asked for anew each time: one from before a GPU fell off the bus stays broken.
        handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        return getattr(self._nvml, function)(handle, *arguments)


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
        ``index, name, utilisation_percent, memory_mib, memory_total_mib, power_w, temperature_c, own, own_memory_mib``;
        None for what couldn't be read. `own` tells whether a process of the run is on the GPU.
    """
    count = _ask(reader.n_devices)
    gpus = []
    for index in range(known if count is None else max(count, known)):
        gpu: dict[str, Any] = {"index": index, "name": _ask(reader.name, index)}
        for field in ("utilisation_percent", "memory_mib", "memory_total_mib", "power_w", "temperature_c"):
            value = _ask(getattr(reader, field), index)
            gpu[field] = None if value is None else round(value, 2)
        gpus.append(gpu | _own_use(_ask(reader.process_memory_mib, index), own_pids))
    return gpus


def _own_use(processes: dict[int, float | None] | None, own_pids: Collection[int]) -> dict[str, Any]:
    if processes is None:
        return {"own": None, "own_memory_mib": None}
    own = [memory for pid, memory in processes.items() if pid in own_pids]
    told = [memory for memory in own if memory is not None]
    return {"own": bool(own), "own_memory_mib": round(sum(told), 2) if len(told) == len(own) else None}


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
        ``devices`` (as from `read_gpus`), ``driver`` (version or None) and ``reason`` (None where there are devices).
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
    return {"devices": read_gpus(reader, ()), "driver": driver, "reason": None}


def _none(reason: str) -> dict[str, Any]:
    return {"devices": [], "driver": None, "reason": reason}


def _reason(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    if "library" in text.lower() and "not found" in text.lower():
        return "No NVIDIA driver on this machine (its library NVML wasn't found). Training runs on the CPU."
    return f"NVML refused: {text}. Training runs on the CPU unless the driver is mended."
