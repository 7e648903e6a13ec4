"""Processor, memory, disk and GPUs while a run trains; also "hardware now" for the Home page and the doctor.

Time is the only axis here. Steps are logged apart and joined when drawn: a sampler that shares the step axis makes
trackers drop metrics.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import storage
from workbench.errors import StorageError
from workbench.training.energy import Energy, EnergyCounter, read_energy
from workbench.training.gpu import GpuReader, NvmlReader, gpu_report, read_gpus
from workbench.training.machine import MachineMeter
from workbench.training.state import HARDWARE

__all__ = ["Meter", "Sampler", "gpu_report", "sample_once", "usable_cores"]

_MIB = 1024 * 1024
_RECONNECT_SECONDS = 30.0  # how often a machine without an answering NVML is asked again


class Meter:
    """Take samples of this machine and of one process with its children.

    Parameters
    ----------
    pid : int, optional
        Root of the process tree that counts as own; this process when absent.
    reader : GpuReader, optional
        NVML when absent.
    folder : Path, optional
        Whose disk is measured; that of the current directory when absent.
    """

    def __init__(self, *, pid: int | None = None, reader: GpuReader | None = None, folder: Path | None = None) -> None:
        self._pid = pid or os.getpid()
        self._machine = MachineMeter(folder)
        self._reader = NvmlReader() if reader is None else reader
        self._known_gpus = 0
        self._next_gpu_try = 0.0
        self._processes: dict[int, Any] = {}  # psutil counts CPU time between two calls on the same object
        self._lock = threading.Lock()

    def sample(self) -> dict[str, Any]:
        """Take one sample: a line of ``hardware.jsonl``. What can't be read is None.

        CPU shares are means since the last sample; the own processes' share counts one core as 100 %.
        """
        with self._lock:
            own = self._own_processes()
            return {
                "time": round(time.time(), 3),
                **self._machine.read(),
                "process_cpu_percent": _total(own, lambda process: process.cpu_percent()),
                "process_memory_mib": _total(own, lambda process: process.memory_info().rss / _MIB),
                "gpus": self._gpus(),
            }

    def _own_processes(self) -> list[Any]:
        import psutil

        with suppress(psutil.Error, OSError):
            root = self._processes.get(self._pid) or psutil.Process(self._pid)
            found = {process.pid: process for process in [root, *root.children(recursive=True)]}
            # Keep the objects of last time, they remember its CPU times; a reused pid is another object.
            self._processes = {
                pid: self._processes[pid] if self._processes.get(pid) == process else process
                for pid, process in found.items()
            }
        return list(self._processes.values())

    def _gpus(self) -> list[dict[str, Any]]:
        now = time.monotonic()
        if self._known_gpus == 0 and now < self._next_gpu_try:
            return []
        gpus = read_gpus(self._reader, set(self._processes), known=self._known_gpus)
        self._known_gpus = len(gpus)
        self._next_gpu_try = now + _RECONNECT_SECONDS
        return gpus


class Sampler:
    """A thread that appends a sample to ``hardware.jsonl`` again and again until it is stopped.

    Nothing ends it but `stop`: not a missing GPU, not a failing field, not a full disk (the sample is dropped then).
    Each sample also tells the energy so far, so that a run that is killed and resumed goes on counting.
    """

    def __init__(self, folder: Path, *, seconds: float = 1.0, reader: GpuReader | None = None) -> None:
        self._path = folder / HARDWARE
        self._seconds = max(0.05, seconds)
        self._meter = Meter(reader=reader, folder=folder)
        self._counter = EnergyCounter(read_energy(folder), seconds=self._seconds)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hardware", daemon=True)

    @property
    def energy(self) -> Energy:
        """What the run has drawn so far, in this attempt and those before."""
        return self._counter.energy

    def start(self) -> Sampler:
        """Begin sampling; the first sample is taken at once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End sampling and wait for a sample under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.is_set():
            sample = self._meter.sample()
            sample["energy"] = self._counter.add(sample).to_dict()
            with suppress(StorageError):
                storage.append_json_line(self._path, sample)
            due = max(due + self._seconds, time.monotonic())
            self._stopped.wait(due - time.monotonic())


_meter: Meter | None = None


def sample_once() -> dict[str, Any]:
    """Take one sample of this machine now, as a line of ``hardware.jsonl``.

    The first call of a process measures the CPU for a tenth of a second, later ones since the call before.
    """
    global _meter
    if _meter is None:
        _meter = Meter()
        _meter.sample()
        time.sleep(0.1)
    return _meter.sample()


def usable_cores() -> int:
    """Count the cores that this process may use: its affinity and the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    return max(1, cores)


def _total(processes: list[Any], question: Callable[[Any], float]) -> float | None:
    import psutil

    values = []
    for process in processes:
        with suppress(psutil.Error, OSError):
            values.append(question(process))
    return round(sum(values), 1) if values else None
