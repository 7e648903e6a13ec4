"""NVIDIA's management library played from a written trace, with fields that fail and GPUs that vanish."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TRACE = Path(__file__).parent / "data" / "nvml_trace.json"


class NVMLError(Exception):
    """As the binding's: one class for all refusals."""


class FakeNvml:
    """The functions of pynvml that we call, answering from a trace; `frame` is the moment that is played."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self, frames: list[dict[str, Any]], driver: str = "570.86.15") -> None:
        self.frames = frames
        self.frame = 0
        self.driver = driver
        self.n_inits = 0

    @classmethod
    def of_trace(cls) -> FakeNvml:
        """Play the trace that lies beside the tests."""
        return cls(json.loads(TRACE.read_text())["frames"])

    @property
    def now(self) -> dict[str, Any]:
        return self.frames[min(self.frame, len(self.frames) - 1)]

    def nvmlInit(self) -> None:
        self.n_inits += 1
        _answer(self.now.get("init"))

    def nvmlShutdown(self) -> None:
        raise NVMLError("Uninitialized")

    def nvmlDeviceGetCount(self) -> int:
        return _answer(self.now.get("count", len(self.now["gpus"])))

    def nvmlSystemGetDriverVersion(self) -> str:
        return self.driver

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        gpu = self.now["gpus"][index]
        _answer(gpu.get("handle"))
        return gpu

    def nvmlDeviceGetName(self, gpu: dict[str, Any]) -> bytes:
        return _answer(gpu["name"]).encode()  # older bindings give bytes

    def nvmlDeviceGetUtilizationRates(self, gpu: dict[str, Any]) -> Any:
        return SimpleNamespace(gpu=_answer(gpu["utilisation"]), memory=_answer(gpu.get("bandwidth", 0)))

    def nvmlDeviceGetMemoryInfo(self, gpu: dict[str, Any]) -> Any:
        return SimpleNamespace(used=_answer(gpu["used_bytes"]), total=_answer(gpu["total_bytes"]))

    def nvmlDeviceGetPowerUsage(self, gpu: dict[str, Any]) -> int:
        return _answer(gpu["power_mw"])

    def nvmlDeviceGetEnforcedPowerLimit(self, gpu: dict[str, Any]) -> int:
        return _answer(gpu["limit_mw"])

    def nvmlDeviceGetClockInfo(self, gpu: dict[str, Any], clock: int) -> int:
        return _answer(gpu["clocks"])[{1: "sm", 2: "memory"}[clock]]

    def nvmlDeviceGetPcieThroughput(self, gpu: dict[str, Any], counter: int) -> int:
        return _answer(gpu["pcie_kb_s"])[{0: "tx", 1: "rx"}[counter]]

    def nvmlDeviceGetCurrPcieLinkGeneration(self, gpu: dict[str, Any]) -> int:
        return _answer(gpu["pcie_gen"])

    def nvmlDeviceGetCurrPcieLinkWidth(self, gpu: dict[str, Any]) -> int:
        return 16

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, gpu: dict[str, Any]) -> int:
        return _answer(gpu["reasons"])

    def nvmlDeviceGetTemperature(self, gpu: dict[str, Any], sensor: int) -> int:
        return _answer(gpu["temperature"])

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: dict[str, Any]) -> list[Any]:
        processes = _answer(gpu["processes"])
        own = os.getpid()
        return [
            SimpleNamespace(pid=own if p["pid"] == "OWN" else p["pid"], usedGpuMemory=p["bytes"]) for p in processes
        ]


def _answer(value: Any) -> Any:
    if isinstance(value, dict) and "error" in value:
        raise NVMLError(value["error"])
    return value
