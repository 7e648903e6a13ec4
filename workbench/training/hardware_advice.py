"""What the hardware of a run says about it, in plain words: who waits for whom, and what is about to run out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

Level = Literal["info", "warning"]

_WINDOW_SECONDS = 60.0
_FEW_SECONDS = 8.0  # of samples: less says nothing, networks need some for their first step
_LOW_GPU, _HIGH_CPU = 50.0, 85.0
_FULL = 0.95
_FULL_MEMORY = 0.92
_OFTEN = 0.2  # share of the samples
_LITTLE_DISK_MIB = 2048.0


@dataclass(frozen=True)
class Advice:
    """One finding about the hardware.

    Parameters
    ----------
    level : {"info", "warning"}
    title : str
        A few words.
    words : str
        What was seen, with its numbers.
    remedy : str
        What to do about it.
    """

    level: Level
    title: str
    words: str
    remedy: str


def advice(hardware: pl.DataFrame, history: pl.DataFrame | None = None, *, now: bool = True) -> list[Advice]:
    """Say what the last minute of samples means for the run; nothing where all is well.

    Parameters
    ----------
    hardware : DataFrame
        As `Run.hardware` gives it.
    history : DataFrame, optional
        As `Run.history` gives it. What the GPU does is judged from the first metric to the last only: before and after,
        rows are read, prepared and packaged, which no GPU does.
    now : bool
        Whether the run goes on. Of one that has ended only how it learned is still worth knowing.

    Returns
    -------
    list of Advice
        Warnings first.
    """
    if not hardware.height or hardware["time"].drop_nulls().is_empty():
        return []
    hardware = hardware.sort("time")
    last = _window(hardware)
    learning = _window(_while_learning(hardware, history))
    found: list[Advice] = []
    for index in _gpus(hardware):
        found += _of_gpu(index, last, hardware) if now else []
        found += _waiting(index, learning)
    if now:
        found += _of_memory(last) + _of_disk(last)
    return sorted(found, key=lambda each: each.level != "warning")


def _gpus(hardware: pl.DataFrame) -> list[int]:
    return sorted(
        int(name.removeprefix("gpu").removesuffix("_own")) for name in hardware.columns if name.endswith("_own")
    )


def _window(hardware: pl.DataFrame) -> pl.DataFrame:
    if not hardware.height:
        return hardware
    return hardware.filter(pl.col("time") > pl.col("time").max() - _WINDOW_SECONDS)


def _while_learning(hardware: pl.DataFrame, history: pl.DataFrame | None) -> pl.DataFrame:
    if history is None or not history.height:
        return hardware.clear()
    first, last = history["time"].min(), history["time"].max()
    return hardware.filter(pl.col("time").is_between(first, last))


def _of_gpu(index: int, last: pl.DataFrame, everything: pl.DataFrame) -> list[Advice]:
    found = _vanished(index, last, everything)
    if _any(last, f"gpu{index}_own"):
        found += _gpu_memory(index, last) + _others(index, last) + _slowed(index, last)
    return found


def _vanished(index: int, last: pl.DataFrame, everything: pl.DataFrame) -> list[Advice]:
    """Find a GPU that answered before and has not for some samples."""
    # Memory is asked of every board; a field that one never had isn't missed.
    seen = everything.filter(pl.col(f"gpu{index}_memory_total_mib").is_not_null())
    silent = last.tail(3)
    if not seen.height or silent.height < 3 or silent[f"gpu{index}_memory_total_mib"].drop_nulls().len():
        return []
    ago = _latest(everything) - _latest(seen)
    return [
        Advice(
            "warning",
            f"GPU {index} doesn't answer",
            f"It was there, and has told nothing for {ago:,.0f} s: it fell off the bus, or its driver was reloaded.",
            "Look into the run's log and the system's; resume the run from its checkpoint where it fails.",
        )
    ]


def _waiting(index: int, learning: pl.DataFrame) -> list[Advice]:
    used, cpu = _mean(learning, f"gpu{index}_utilisation_percent"), _mean(learning, "cpu_percent")
    if used is None or cpu is None or used >= _LOW_GPU or _seconds(learning) < _FEW_SECONDS:
        return []
    if not _any(learning, f"gpu{index}_own"):
        return []
    if cpu >= _HIGH_CPU:
        return [
            Advice(
                "warning",
                f"GPU {index} waits for data",
                f"It works {used:.0f} % of the time while the processors are full ({cpu:.0f} %): they can't keep up "
                "with its batches.",
                "Augment less, resize once in the recipe, or run fewer runs at once on this machine.",
            )
        ]
    return [
        Advice(
            "info",
            f"GPU {index} has little to do",
            f"It works {used:.0f} % of the time and the processors {cpu:.0f} %: each step is too small to fill it.",
            "Raise the batch size (and the learning rate with it), or train this one on the CPU.",
        )
    ]


def _gpu_memory(index: int, last: pl.DataFrame) -> list[Advice]:
    used, total = _last(last, f"gpu{index}_memory_mib"), _last(last, f"gpu{index}_memory_total_mib")
    if not used or not total or used / total < _FULL:
        return []
    others = _last(last, f"gpu{index}_others_memory_mib") or 0.0
    whose = f", {_gib(others)} of it by others" if others > 0.05 * total else ""
    return [
        Advice(
            "warning",
            f"The memory of GPU {index} is nearly full",
            f"{_gib(used)} of {_gib(total)} are taken{whose}; a run that asks for more fails.",
            "Lower the batch size, or switch mixed precision on.",
        )
    ]


def _others(index: int, last: pl.DataFrame) -> list[Advice]:
    n_others = _last(last, f"gpu{index}_n_other_processes")
    if not n_others:
        return []
    memory = _last(last, f"gpu{index}_others_memory_mib")
    one = n_others == 1
    held = f" with {_gib(memory)}" if memory else ""
    return [
        Advice(
            "info",
            f"Others use GPU {index}, too",
            f"{n_others:.0f} {'process' if one else 'processes'} of others {'is' if one else 'are'} on it{held}. "
            "Its utilisation, power and energy are of all together.",
            "Choose a free GPU where speed matters.",
        )
    ]


def _slowed(index: int, last: pl.DataFrame) -> list[Advice]:
    column = f"gpu{index}_slowed_by"
    if column not in last.columns or not last[column].drop_nulls().len():
        return []
    told = last[column].drop_nulls()
    heat, heat_words = float(told.str.contains("heat").mean() or 0), _last(last, f"gpu{index}_temperature_c")  # type: ignore[arg-type]
    found = []
    if heat >= _OFTEN:
        at = f" at {heat_words:.0f} °C" if heat_words else ""
        found.append(
            Advice(
                "warning",
                f"GPU {index} is too hot",
                f"It lowered its clocks for heat in {heat:.0%} of the last minute{at}.",
                "See to its cooling; until then everything on it takes longer.",
            )
        )
    supply = float(told.str.contains("power supply").mean() or 0)  # type: ignore[arg-type]
    if supply >= _OFTEN:
        found.append(
            Advice(
                "warning",
                f"GPU {index} gets too little power",
                f"The power supply held it back in {supply:.0%} of the last minute.",
                "See to the machine's power supply and cables.",
            )
        )
    return found


def _of_memory(last: pl.DataFrame) -> list[Advice]:
    used, total = _last(last, "memory_mib"), _last(last, "memory_total_mib")
    if not used or not total or used / total < _FULL_MEMORY:
        return []
    own = _last(last, "process_memory_mib")
    swap, swap_total = _last(last, "swap_mib"), _last(last, "swap_total_mib")
    whose = f", {_gib(own)} of it by this run" if own else ""
    swapped = f" The swap holds {_gib(swap)} of {_gib(swap_total)}." if swap and swap_total else ""
    return [
        Advice(
            "warning",
            "Memory is nearly full",
            f"{_gib(used)} of {_gib(total)} are taken{whose}.{swapped} The system ends processes when it runs out.",
            "Use fewer rows or columns, end other runs, or set WORKBENCH_MAX_TABLE_MIB lower.",
        )
    ]


def _of_disk(last: pl.DataFrame) -> list[Advice]:
    free, total = _last(last, "disk_free_mib"), _last(last, "disk_total_mib")
    if free is None or total is None or free >= min(_LITTLE_DISK_MIB, (1 - _FULL) * total):
        return []
    return [
        Advice(
            "warning",
            "The disk is nearly full",
            f"{_gib(free)} of {_gib(total)} are free where the run is stored; a checkpoint that doesn't fit is lost.",
            "Delete old runs or tables, or set WORKBENCH_HOME to another disk.",
        )
    ]


def _any(frame: pl.DataFrame, column: str) -> bool:
    return column in frame.columns and bool(frame[column].cast(pl.Boolean).any())


def _mean(frame: pl.DataFrame, column: str) -> float | None:
    value = frame[column].mean() if column in frame.columns else None
    return None if value is None else float(value)  # type: ignore[arg-type]


def _last(frame: pl.DataFrame, column: str) -> float | None:
    if column not in frame.columns:
        return None
    known = frame[column].drop_nulls()
    return float(known[-1]) if len(known) else None


def _latest(frame: pl.DataFrame) -> float:
    return float(frame["time"].to_numpy().max())


def _seconds(frame: pl.DataFrame) -> float:
    times = frame["time"].to_numpy()
    return float(times.max() - times.min()) if len(times) else 0.0


def _gib(mib: float) -> str:
    return f"{mib / 1024:,.1f} GiB"
