"""NVIDIA's management library, one question at a time."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, NamedTuple

_MIB = 1024 * 1024

# Bits of NVML's clock event reasons. That a GPU is idle, or runs at the clocks that it was set to, slows nothing down.
SLOWED_BY = {
    0x04: "power limit",
    0x08: "the board",
    0x10: "other GPUs in step",
    0x20: "heat",
    0x40: "heat",
    0x80: "power supply",
}


class GpuProcess(NamedTuple):
    """A process on a GPU; its memory is None where the driver doesn't tell."""

    pid: int
    memory_mib: float | None


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

    def memory_bandwidth_percent(self, index: int) -> float:
        """Share of the last moments in which memory was read or written, in percent."""
        return float(self._ask("nvmlDeviceGetUtilizationRates", index).memory)

    def memory_mib(self, index: int) -> float:
        """Memory in use by everyone, in MiB."""
        return float(self._ask("nvmlDeviceGetMemoryInfo", index).used / _MIB)

    def memory_total_mib(self, index: int) -> float:
        """Memory that the board has, in MiB."""
        return float(self._ask("nvmlDeviceGetMemoryInfo", index).total / _MIB)

    def power_w(self, index: int) -> float:
        """Power drawn now, in watt (NVML counts milliwatt)."""
        return float(self._ask("nvmlDeviceGetPowerUsage", index) / 1000)

    def power_limit_w(self, index: int) -> float:
        """Power that the board may draw, in watt."""
        return float(self._ask("nvmlDeviceGetEnforcedPowerLimit", index) / 1000)

    def temperature_c(self, index: int) -> float:
        """Temperature of the chip, in degrees Celsius."""
        sensor = getattr(self._nvml, "NVML_TEMPERATURE_GPU", 0)
        return float(self._ask("nvmlDeviceGetTemperature", index, sensor))

    def sm_clock_mhz(self, index: int) -> float:
        """Clock of the processors, in MHz."""
        return float(self._ask("nvmlDeviceGetClockInfo", index, getattr(self._nvml, "NVML_CLOCK_SM", 1)))

    def memory_clock_mhz(self, index: int) -> float:
        """Clock of the memory, in MHz."""
        return float(self._ask("nvmlDeviceGetClockInfo", index, getattr(self._nvml, "NVML_CLOCK_MEM", 2)))

    def pcie_rx_mib_s(self, index: int) -> float:
        """Rate at which the GPU receives, in MiB/s (NVML counts KB/s, over 20 ms that the call takes)."""
        return self._pcie(index, "NVML_PCIE_UTIL_RX_BYTES", 1)

    def pcie_tx_mib_s(self, index: int) -> float:
        """Rate at which the GPU sends, in MiB/s."""
        return self._pcie(index, "NVML_PCIE_UTIL_TX_BYTES", 0)

    def _pcie(self, index: int, counter: str, number: int) -> float:
        kilobytes = self._ask("nvmlDeviceGetPcieThroughput", index, getattr(self._nvml, counter, number))
        return float(kilobytes / 1024)

    def pcie_link(self, index: int) -> str:
        """Name the link as it is now, such as ``gen 4 x16``."""
        generation = self._ask("nvmlDeviceGetCurrPcieLinkGeneration", index)
        return f"gen {int(generation)} x{int(self._ask('nvmlDeviceGetCurrPcieLinkWidth', index))}"

    def slowed_by(self, index: int) -> list[str]:
        """Say in words what holds the clocks down now; empty where nothing does."""
        # The older name is the only one of older drivers, and the newer one the only one some day.
        known = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
        bits = int(self._ask(known[0] if hasattr(self._nvml, known[0]) else known[1], index))
        return list(dict.fromkeys(words for bit, words in SLOWED_BY.items() if bits & bit))

    def processes(self, index: int) -> list[GpuProcess]:
        """Give the processes that compute or draw on the GPU."""
        found = {}
        asked = ["nvmlDeviceGetComputeRunningProcesses"]
        if hasattr(self._nvml, "nvmlDeviceGetGraphicsRunningProcesses"):
            asked.append("nvmlDeviceGetGraphicsRunningProcesses")
        for function in asked:
            for process in self._ask(function, index):
                used = process.usedGpuMemory
                found[int(process.pid)] = GpuProcess(int(process.pid), None if used is None else used / _MIB)
        return list(found.values())

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
