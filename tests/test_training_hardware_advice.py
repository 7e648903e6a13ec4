"""What the hardware of a run says, in plain words."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from workbench.training.hardware_advice import advice
from workbench.training.history import hardware_frame

GIB = 1024.0


def samples(n: int = 30, *, machine: dict[str, Any] | None = None, **gpu: Any) -> pl.DataFrame:
    """Give a sample a second of a machine with one GPU of the run, on which all is well."""
    well = {
        "index": 0, "name": "card", "utilisation_percent": 95.0, "memory_mib": 20 * GIB, "memory_total_mib": 80 * GIB,
        "temperature_c": 60.0, "own": True, "own_memory_mib": 20 * GIB, "others_memory_mib": 0.0,
        "n_other_processes": 0, "slowed_by": [],
    }  # fmt: skip
    rest = {
        "cpu_percent": 50.0, "memory_mib": 10 * GIB, "memory_total_mib": 64 * GIB, "process_memory_mib": 5 * GIB,
        "disk_free_mib": 500 * GIB, "disk_total_mib": 1000 * GIB, "swap_mib": 0.0, "swap_total_mib": 0.0,
    }  # fmt: skip
    lines = [{"time": 100.0 + second, **rest, **(machine or {}), "gpus": [well | gpu]} for second in range(n)]
    return hardware_frame(lines)


LEARNING = pl.DataFrame({"time": [100.0, 129.0], "step": [1, 100]})


def titles(hardware: pl.DataFrame, history: pl.DataFrame | None = LEARNING, **options: Any) -> list[str]:
    return [found.title for found in advice(hardware, history, **options)]


def test_where_all_is_well_nothing_is_said() -> None:
    assert titles(samples()) == []
    assert advice(hardware_frame([]), LEARNING) == []
    assert advice(hardware_frame([{"time": 1.0, "gpus": []}])) == []


def test_a_gpu_that_waits_for_full_processors_is_told_from_one_with_little_to_do() -> None:
    waits = advice(samples(utilisation_percent=20.0, machine={"cpu_percent": 97.0}), LEARNING)[0]
    assert (waits.level, waits.title) == ("warning", "GPU 0 waits for data")
    assert "20 % of the time while the processors are full (97 %)" in waits.words
    idle = advice(samples(utilisation_percent=20.0, machine={"cpu_percent": 30.0}), LEARNING)[0]
    assert (idle.level, idle.title) == ("info", "GPU 0 has little to do")
    assert "Raise the batch size" in idle.remedy


def test_waiting_is_judged_while_the_run_learns_only() -> None:
    slow = samples(utilisation_percent=0.0, machine={"cpu_percent": 99.0})
    assert titles(slow, None) == []  # rows are still being prepared
    assert titles(slow, LEARNING.with_columns(time=pl.Series([128.0, 129.0]))) == []  # and it has just begun
    assert titles(slow, LEARNING, now=False) == ["GPU 0 waits for data"]


def test_a_gpu_of_others_is_not_the_runs_business() -> None:
    assert titles(samples(own=False, utilisation_percent=1.0, memory_mib=79.9 * GIB, n_other_processes=3)) == []


def test_a_nearly_full_gpu_memory_says_whose_it_is() -> None:
    found = advice(samples(memory_mib=79 * GIB, others_memory_mib=50 * GIB, n_other_processes=2), LEARNING)
    assert [each.title for each in found] == ["The memory of GPU 0 is nearly full", "Others use GPU 0, too"]
    assert "79.0 GiB of 80.0 GiB are taken, 50.0 GiB of it by others" in found[0].words
    assert "2 processes of others are on it with 50.0 GiB" in found[1].words
    assert "1 process of others is on it" in advice(samples(n_other_processes=1))[0].words


def test_heat_and_a_weak_power_supply_are_warnings_and_the_power_limit_is_normal() -> None:
    hot = advice(samples(slowed_by=["heat"], temperature_c=91.0), LEARNING)[0]
    assert (hot.title, hot.level) == ("GPU 0 is too hot", "warning")
    assert "100% of the last minute at 91 °C" in hot.words
    assert titles(samples(slowed_by=["power supply"])) == ["GPU 0 gets too little power"]
    assert titles(samples(slowed_by=["power limit"])) == []


def test_a_field_that_nobody_tells_says_nothing() -> None:
    unknown = dict.fromkeys(
        ("utilisation_percent", "memory_mib", "others_memory_mib", "n_other_processes", "slowed_by")
    )
    assert titles(samples(**unknown)) == []


def test_a_gpu_that_vanished_is_named() -> None:
    alive, gone = (
        samples(20),
        samples(5, **dict.fromkeys(("utilisation_percent", "memory_mib", "memory_total_mib", "own"))),
    )
    both = pl.concat([alive, gone.with_columns(pl.col("time") + 20)])
    assert titles(both)[0] == "GPU 0 doesn't answer"
    assert "has told nothing for 5 s" in advice(both)[0].words
    assert titles(pl.concat([alive, gone.head(2).with_columns(pl.col("time") + 20)])) == []  # a hiccup


def test_little_memory_and_little_disk_are_warnings() -> None:
    full = {"memory_mib": 61 * GIB, "swap_mib": 3 * GIB, "swap_total_mib": 4 * GIB, "disk_free_mib": 800.0}
    memory, disk = advice(samples(machine=full), LEARNING)
    assert (
        "61.0 GiB of 64.0 GiB are taken, 5.0 GiB of it by this run. The swap holds 3.0 GiB of 4.0 GiB." in memory.words
    )
    assert (memory.title, disk.title) == ("Memory is nearly full", "The disk is nearly full")
    assert "0.8 GiB of 1,000.0 GiB are free" in disk.words
    assert titles(samples(machine=full), now=False) == []


def test_warnings_come_before_remarks() -> None:
    found = advice(samples(n_other_processes=1, machine={"disk_free_mib": 1.0}))
    assert [each.level for each in found] == ["warning", "info"]


@pytest.mark.parametrize("free", [500.0, 20_000.0])
def test_a_small_disk_is_full_when_a_twentieth_is_left(free: float) -> None:
    small = {"disk_total_mib": 4 * GIB, "disk_free_mib": free}
    assert titles(samples(machine=small)) == []
    assert titles(samples(machine={**small, "disk_free_mib": 150.0})) == ["The disk is nearly full"]
