"""What a run has drawn: power over its own time base, and nothing for the time in which nobody measured."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.training.state import HARDWARE

_GAP_SECONDS = 10.0
_TAIL_BYTES = 256 * 1024


@dataclass(frozen=True)
class Energy:
    """Energy of a run so far.

    Parameters
    ----------
    gpu_wh : float, optional
        Of the whole boards that the run used, whoever else did. None where no board told.
    cpu_wh : float, optional
        Of the machine's processors, whatever else they did. None where they don't tell.
    seconds : float
        Time that was measured.

    Examples
    --------
    >>> Energy(gpu_wh=12.0, cpu_wh=None, seconds=60.0).wh
    12.0
    """

    gpu_wh: float | None = None
    cpu_wh: float | None = None
    seconds: float = 0.0

    @property
    def wh(self) -> float | None:
        """All that is known together; None where nothing is."""
        known = [part for part in (self.gpu_wh, self.cpu_wh) if part is not None]
        return sum(known) if known else None

    @property
    def words(self) -> str:
        """What the number stands for."""
        gpu = "the GPUs' whole boards, whoever else used them" if self.gpu_wh is not None else "no GPU"
        cpu = "the machine's processors" if self.cpu_wh is not None else "not the processors, which don't tell here"
        if self.wh is None:
            return "Unknown: neither a GPU of this run nor the processors tell what they draw."
        return f"Of {gpu}; {cpu}. Measured over {self.seconds:,.0f} s."

    def to_dict(self) -> dict[str, float | None]:
        """Give it as plain values."""
        return {
            "gpu_wh": None if self.gpu_wh is None else round(self.gpu_wh, 6),
            "cpu_wh": None if self.cpu_wh is None else round(self.cpu_wh, 6),
            "seconds": round(self.seconds, 1),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any] | None) -> Energy:
        """Read what `to_dict` gave; nothing from None."""
        found = document or {}
        return cls(found.get("gpu_wh"), found.get("cpu_wh"), float(found.get("seconds") or 0.0))


class EnergyCounter:
    """Add up power sample by sample; a gap between two samples, or one without power, counts as nothing.

    Parameters
    ----------
    so_far : Energy
        Of the attempts before.
    seconds : float
        Between two samples; after a pause of five times that, and 10 s at least, counting begins anew.
    """

    def __init__(self, so_far: Energy | None = None, *, seconds: float = 1.0) -> None:
        self.energy = so_far or Energy()
        self._gap = max(_GAP_SECONDS, 5 * seconds)
        self._last: dict[str, Any] | None = None

    def add(self, sample: Mapping[str, Any]) -> Energy:
        """Take the next sample; give the energy so far."""
        before, self._last = self._last, dict(sample)
        if before is None:
            return self.energy
        seconds = float(sample["time"]) - float(before["time"])
        if not 0 < seconds <= self._gap:
            return self.energy
        powers = _own_watts(before), _own_watts(sample)
        gpu = None
        for index in powers[0].keys() & powers[1].keys():
            gpu = (gpu or 0.0) + (powers[0][index] + powers[1][index]) / 2 * seconds / 3600
        cpu = sample.get("cpu_power_w")  # the mean since the sample before
        self.energy = Energy(
            _sum(self.energy.gpu_wh, gpu),
            _sum(self.energy.cpu_wh, None if cpu is None else cpu * seconds / 3600),
            self.energy.seconds + seconds,
        )
        return self.energy


def _sum(before: float | None, more: float | None) -> float | None:
    return before if more is None else (before or 0.0) + more


def _own_watts(sample: Mapping[str, Any]) -> dict[int, float]:
    given = _given_gpus()
    return {
        int(gpu["index"]): float(gpu["power_w"])
        for gpu in sample.get("gpus") or ()
        if gpu.get("power_w") is not None and (gpu.get("own") or gpu["index"] in given)
    }


def _given_gpus() -> set[int]:
    """Find the GPUs that this process was given: in a container the driver's process numbers may not be its own."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return {int(part) for part in named if part.strip().isdigit()}


def read_energy(folder: Path) -> Energy:
    """Read what a run has drawn so far off the last sample in its folder."""
    sample = _last_sample(folder / HARDWARE)
    return Energy.from_dict(sample.get("energy") if sample else None)


def _last_sample(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except OSError:
        return None
    for line in reversed(lines):
        try:
            found = json.loads(line)
        except ValueError:  # cut off by a kill, or the beginning of what was read
            continue
        if isinstance(found, dict) and "energy" in found:
            return found
    return None
