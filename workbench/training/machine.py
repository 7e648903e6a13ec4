"""Processor, memory and disk of this machine: what psutil and Linux tell, each None where they don't."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

_MIB = 1024 * 1024
_RAPL = Path("/sys/class/powercap")
_CGROUP = Path("/sys/fs/cgroup")


class MachineMeter:
    """Read the machine; rates are means since the last reading.

    Parameters
    ----------
    folder : Path, optional
        Whose disk counts; that of the current directory when absent.
    rapl : Path
        Where Linux tells what the processors draw.
    """

    def __init__(self, folder: Path | None = None, *, rapl: Path = _RAPL, cgroup: Path = _CGROUP) -> None:
        self._folder = folder or Path()
        self._cgroup = cgroup
        self._disk = _Rates()
        self._cpu_energy = _PackageEnergy(rapl)

    def read(self) -> dict[str, Any]:
        """Give the machine's part of a sample."""
        import psutil

        swap = or_none(psutil.swap_memory)
        disk = self._disk.since_last(or_none(_disk_bytes))
        usage = or_none(lambda: psutil.disk_usage(str(self._folder)))
        return {
            "cpu_percent": or_none(psutil.cpu_percent),
            "cpu_power_w": self._cpu_energy.watts(),
            **self._memory(),
            "swap_mib": None if swap is None else round(swap.used / _MIB, 1),
            "swap_total_mib": None if swap is None else round(swap.total / _MIB, 1),
            "disk_read_mib_s": disk[0],
            "disk_write_mib_s": disk[1],
            "disk_free_mib": None if usage is None else round(usage.free / _MIB, 1),
            "disk_total_mib": None if usage is None else round(usage.total / _MIB, 1),
        }

    def _memory(self) -> dict[str, float | None]:
        """Give memory in use and there: of the container where it may use less than the machine has."""
        import psutil

        memory = or_none(psutil.virtual_memory)
        if memory is None:
            return {"memory_mib": None, "memory_total_mib": None}
        used, total = memory.total - memory.available, memory.total
        with suppress(OSError, ValueError):
            limit = int((self._cgroup / "memory.max").read_text())  # "max" where there is none
            if limit < total:
                pages = dict(line.split() for line in (self._cgroup / "memory.stat").read_text().splitlines())
                # Files that are kept at hand are given up when memory is needed.
                held = int((self._cgroup / "memory.current").read_text()) - int(pages["inactive_file"])
                used, total = max(held, 0), limit
        return {"memory_mib": round(used / _MIB, 1), "memory_total_mib": round(total / _MIB, 1)}


class _Rates:
    """MiB per second of counters of bytes."""

    def __init__(self) -> None:
        self._last: tuple[float, tuple[int, ...]] | None = None

    def since_last(self, counts: tuple[int, int] | None) -> tuple[float | None, float | None]:
        now = time.monotonic()
        before, self._last = self._last, None if counts is None else (now, counts)
        if counts is None or before is None or now <= before[0]:
            return None, None
        seconds = now - before[0]
        # A disk that was unplugged takes its count with it.
        read, written = (max(new - old, 0) / _MIB / seconds for new, old in zip(counts, before[1], strict=True))
        return round(read, 2), round(written, 2)


def _disk_bytes() -> tuple[int, int] | None:
    import psutil

    counters = psutil.disk_io_counters()
    return None if counters is None else (counters.read_bytes, counters.write_bytes)


class _PackageEnergy:
    """The power of all processor packages, from the energy that RAPL counts; mostly root alone may read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: tuple[float, dict[Path, int]] | None = None

    def watts(self) -> float | None:
        now, counted = time.monotonic(), or_none(self._count) or {}
        before, self._last = self._last, (now, counted) if counted else None
        if not counted or before is None or before[1].keys() != counted.keys() or now <= before[0]:
            return None
        joules = 0.0
        for package, count in counted.items():
            grown = count - before[1][package]
            if grown < 0:  # the counter began anew
                whole = or_none(partial(_number_in, package / "max_energy_range_uj"))
                if whole is None:
                    return None
                grown += whole
            joules += grown / 1e6
        return round(joules / (now - before[0]), 2)

    def _count(self) -> dict[Path, int]:
        # intel-rapl:0 is a package, intel-rapl:0:0 a part of it.
        packages = [path for path in self._folder.glob("intel-rapl:*") if path.name.count(":") == 1]
        return {path: _number_in(path / "energy_uj") for path in packages}


def _number_in(path: Path) -> int:
    return int(path.read_text())


def or_none(question: Callable[[], Any]) -> Any:
    """Ask, and take any failure for "not known": a restricted container hides parts of /proc and /sys."""
    try:
        return question()
    except Exception:
        return None
