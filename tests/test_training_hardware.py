"""Hardware samples: CPU, memory, and GPUs whose driver plays a written trace with fields that fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_nvml import FakeNvml

from workbench.errors import StorageError
from workbench.training import hardware
from workbench.training.energy import Energy, EnergyCounter, read_energy
from workbench.training.gpu import NvmlReader, gpu_report, read_gpus
from workbench.training.hardware import Meter, Sampler, sample_once, usable_cores
from workbench.training.history import hardware_frame, hardware_since
from workbench.training.machine import MachineMeter


@pytest.fixture
def nvml() -> FakeNvml:
    return FakeNvml.of_trace()


def test_every_field_of_two_gpus_is_read_in_its_unit(nvml: FakeNvml) -> None:
    first, second = read_gpus(NvmlReader(nvml), {os.getpid()})
    assert first == {
        "index": 0,
        "name": "NVIDIA H100 80GB HBM3",
        "utilisation_percent": 97.0,
        "memory_bandwidth_percent": 41.0,
        "memory_mib": 40960.0,
        "memory_total_mib": 81559.0,
        "power_w": 512.35,
        "power_limit_w": 700.0,
        "temperature_c": 61.0,
        "sm_clock_mhz": 1755.0,
        "memory_clock_mhz": 2619.0,
        "pcie_rx_mib_s": 512.0,
        "pcie_tx_mib_s": 16.0,
        "pcie_link": "gen 5 x16",
        "slowed_by": ["power limit", "heat"],
        "own": True,
        "own_memory_mib": 10240.0,
        "others_memory_mib": 30720.0,
        "n_other_processes": 1,
    }
    assert second["name"] == "NVIDIA T400"
    assert second["power_w"] is None  # this board can't tell
    assert second["temperature_c"] == 40.0
    assert (second["slowed_by"], second["pcie_link"]) == ([], None)


def test_other_peoples_processes_are_not_own(nvml: FakeNvml) -> None:
    gpus = read_gpus(NvmlReader(nvml), {os.getpid()})
    assert [gpu["own"] for gpu in gpus] == [True, False]
    assert gpus[1]["own_memory_mib"] == 0.0
    assert [(gpu["n_other_processes"], gpu["others_memory_mib"]) for gpu in gpus] == [(1, 30720.0), (1, 100.0)]


def test_a_failing_field_is_null_in_that_field_only(nvml: FakeNvml) -> None:
    nvml.frame = 1
    first, second = read_gpus(NvmlReader(nvml), {os.getpid()})
    assert first["utilisation_percent"] is None
    assert first["temperature_c"] is None
    assert first["power_w"] == 500.0
    assert first["memory_mib"] == 40960.0
    assert (first["own"], first["own_memory_mib"]) == (True, None)  # there, but the driver doesn't tell how much
    assert (first["n_other_processes"], first["others_memory_mib"]) == (0, 0)
    assert (second["memory_mib"], second["own"], second["own_memory_mib"]) == (None, None, None)
    assert (second["n_other_processes"], second["others_memory_mib"]) == (None, None)
    assert second["temperature_c"] == 39.0


def test_a_gpu_that_falls_off_the_bus_keeps_its_place(nvml: FakeNvml) -> None:
    nvml.frame = 2
    first, second = read_gpus(NvmlReader(nvml), set())
    assert first["index"] == 0
    assert {value for key, value in first.items() if key != "index"} == {None}
    assert second["utilisation_percent"] == 1.0


def test_sampling_goes_on_when_the_driver_vanishes_and_comes_back(nvml: FakeNvml) -> None:
    meter = Meter(reader=NvmlReader(nvml))
    assert len(meter.sample()["gpus"]) == 2
    nvml.frame = 3
    gone = meter.sample()
    assert [gpu["temperature_c"] for gpu in gone["gpus"]] == [None, None]
    assert gone["memory_mib"] > 0
    nvml.frame = 4
    assert [gpu["temperature_c"] for gpu in meter.sample()["gpus"]] == [35.0, 39.0]
    assert nvml.n_inits >= 2


def test_a_sample_without_a_gpu_still_has_cpu_and_memory() -> None:
    nvml = FakeNvml([{"init": {"error": "NVML Shared Library Not Found"}, "gpus": []}])
    meter = Meter(reader=NvmlReader(nvml))
    meter.sample()
    _spend_cpu(0.2)
    sample = meter.sample()
    assert sample["gpus"] == []
    assert 0 <= sample["cpu_percent"] <= 100
    assert 0 < sample["memory_mib"] < sample["memory_total_mib"]
    assert sample["process_cpu_percent"] > 1
    assert sample["process_memory_mib"] > 10
    assert nvml.n_inits == 1  # an absent driver isn't asked for each second


def test_children_count_as_own() -> None:
    meter = Meter()
    alone = meter.sample()["process_memory_mib"]
    with subprocess.Popen([sys.executable, "-c", "data = b'x' * 80_000_000; print('up', flush=True); input()"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        assert meter.sample()["process_memory_mib"] > alone + 60
        child.kill()
    assert meter.sample()["process_memory_mib"] < alone + 60


def test_the_sampler_appends_until_it_is_stopped(tmp_path: Path, nvml: FakeNvml) -> None:
    sampler = Sampler(tmp_path, seconds=0.05, reader=NvmlReader(nvml)).start()
    for moment in range(5):
        nvml.frame = moment
        wanted = len(hardware_since(tmp_path)[0]) + 2
        _until(partial(_has_samples, tmp_path, wanted))
    sampler.stop()
    lines, position = hardware_since(tmp_path)
    time.sleep(0.15)
    assert hardware_since(tmp_path, position) == ([], position)
    frame = hardware_frame(lines)
    assert {"time", "cpu_percent", "gpu0_power_w", "gpu1_name", "gpu0_own"} <= set(frame.columns)
    assert frame["gpu0_power_w"].max() == 512.35
    assert frame["gpu1_power_w"].null_count() == frame.height
    assert frame["time"].is_sorted()


def test_a_full_disk_does_not_end_the_sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def full(path: Path, value: Any) -> None:
        taken.append(value)
        raise StorageError("no space")

    monkeypatch.setattr(hardware.storage, "append_json_line", full)
    sampler = Sampler(tmp_path, seconds=0.05, reader=NvmlReader(FakeNvml([{"gpus": []}]))).start()
    _until(lambda: len(taken) >= 3)
    sampler.stop()


def test_the_report_names_the_gpus(nvml: FakeNvml) -> None:
    report = gpu_report(NvmlReader(nvml))
    assert [gpu["name"] for gpu in report["devices"]] == ["NVIDIA H100 80GB HBM3", "NVIDIA T400"]
    assert (report["driver"], report["reason"]) == ("570.86.15", None)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"init": {"error": "NVML Shared Library Not Found"}, "gpus": []}, r"No NVIDIA driver on this machine"),
        ({"init": {"error": "Driver Not Loaded"}, "gpus": []}, r"NVML refused: Driver Not Loaded"),
        ({"gpus": []}, r"sees no GPU"),
    ],
)
def test_the_report_says_why_there_is_no_gpu(frame: dict[str, Any], reason: str) -> None:
    report = gpu_report(NvmlReader(FakeNvml([frame])))
    assert report["devices"] == []
    assert reason in report["reason"]


def test_the_report_says_that_the_binding_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "pip install nvidia-ml-py" in gpu_report()["reason"]


def test_one_sample_now_needs_nothing_prepared() -> None:
    assert {"time", "cpu_percent", "memory_mib", "gpus"} <= set(sample_once())
    assert sample_once()["cpu_percent"] >= 0


def test_what_the_link_carries_is_asked_of_own_gpus_alone_where_there_are_many() -> None:
    idle = {"name": "card", "pcie_kb_s": {"rx": 2048, "tx": 1024}, "processes": []}
    busy = {**idle, "processes": [{"pid": "OWN", "bytes": 1024**2}]}
    gpus = read_gpus(NvmlReader(FakeNvml([{"gpus": [idle, busy, idle, idle]}])), {os.getpid()})
    assert [gpu["pcie_rx_mib_s"] for gpu in gpus] == [None, 2.0, None, None]


def test_a_sample_has_disk_and_swap_and_rates_from_the_second_on(tmp_path: Path) -> None:
    meter = MachineMeter(tmp_path, rapl=tmp_path)
    first = meter.read()
    time.sleep(0.02)
    second = meter.read()
    assert first["disk_read_mib_s"] is None
    assert second["disk_write_mib_s"] is None or second["disk_write_mib_s"] >= 0
    assert 0 < second["disk_free_mib"] <= second["disk_total_mib"]
    assert second["swap_mib"] <= second["swap_total_mib"]
    assert second["cpu_power_w"] is None  # this folder counts nothing


def test_processors_tell_their_power_through_a_counter_that_begins_anew(tmp_path: Path) -> None:
    def count(package: int, part: int) -> None:
        for name, value in (("intel-rapl:0", package), ("intel-rapl:0:0", part)):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "energy_uj").write_text(str(value))
            (tmp_path / name / "max_energy_range_uj").write_text("100000000")

    meter = MachineMeter(tmp_path, rapl=tmp_path)
    count(99_000_000, 5)
    assert meter.read()["cpu_power_w"] is None
    count(1_000_000, 6)  # 2 J later, over the counter's end
    began = time.monotonic()
    time.sleep(0.05)
    watts = meter.read()["cpu_power_w"]
    assert 0 < watts <= 2.0 / 0.05
    assert watts * (time.monotonic() - began) == pytest.approx(2.0, rel=0.5)


def test_in_a_container_its_own_limit_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(str(512 * 1024**2))
    (tmp_path / "memory.current").write_text(str(300 * 1024**2))
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {100 * 1024**2}\n")
    sample = MachineMeter(tmp_path, cgroup=tmp_path).read()
    assert (sample["memory_mib"], sample["memory_total_mib"]) == (200.0, 512.0)
    (tmp_path / "memory.max").write_text("max\n")
    assert MachineMeter(tmp_path, cgroup=tmp_path).read()["memory_total_mib"] > 512


def _drawing(second: float, *watts: float | None, own: tuple[int, ...] = (0,), cpu: float | None = None) -> Any:
    gpus = [{"index": index, "power_w": power, "own": index in own} for index, power in enumerate(watts)]
    return {"time": 1000.0 + second, "cpu_power_w": cpu, "gpus": gpus}


def test_energy_is_power_over_the_time_that_was_measured() -> None:
    counter = EnergyCounter()
    for sample in (_drawing(0, 100.0, 900.0), _drawing(2, 200.0, 900.0), _drawing(4, 200.0, 900.0)):
        counter.add(sample)
    # 150 W and 200 W for two seconds each; the other GPU isn't the run's.
    assert counter.energy.gpu_wh == pytest.approx((150 * 2 + 200 * 2) / 3600)
    assert (counter.energy.cpu_wh, counter.energy.seconds) == (None, 4.0)
    assert "not the processors, which don't tell here" in counter.energy.words
    assert "whoever else used them" in counter.energy.words


def test_gaps_and_samples_without_power_count_as_nothing() -> None:
    counter = EnergyCounter()
    moments = [_drawing(0, 360.0), _drawing(1, None), _drawing(2, 360.0), _drawing(3, 360.0), _drawing(3600, 360.0)]
    for sample in moments:
        counter.add(sample)
    assert counter.energy.gpu_wh == pytest.approx(360 / 3600)
    assert counter.energy.seconds == 3.0


def test_processors_count_where_they_tell_and_all_unknown_is_said() -> None:
    counter = EnergyCounter()
    for second in range(3):
        counter.add(_drawing(second, cpu=36.0))
    assert counter.energy.wh == pytest.approx(0.02)
    assert "no GPU; the machine's processors" in counter.energy.words
    assert Energy().wh is None
    assert "Unknown: neither" in Energy().words


def test_a_gpu_that_was_given_counts_even_if_its_driver_knows_our_process_by_another_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    counter = EnergyCounter()
    for second in range(2):
        counter.add(_drawing(second, 100.0, 3600.0, own=()))
    assert counter.energy.gpu_wh == pytest.approx(1.0)


def test_a_resumed_run_goes_on_counting_from_its_last_whole_sample(tmp_path: Path, nvml: FakeNvml) -> None:
    stored = Energy(gpu_wh=5.0, seconds=100.0).to_dict()
    (tmp_path / "hardware.jsonl").write_text(json.dumps({"time": 1.0, "energy": stored}) + '\n{"time": 2.0, "ener')
    assert read_energy(tmp_path) == Energy(5.0, None, 100.0)
    assert read_energy(tmp_path / "nowhere") == Energy()
    sampler = Sampler(tmp_path, seconds=0.05, reader=NvmlReader(nvml)).start()
    _until(lambda: sampler.energy.seconds > 100.1)
    sampler.stop()
    assert 5.0 < sampler.energy.gpu_wh < 5.1
    assert read_energy(tmp_path).gpu_wh == pytest.approx(sampler.energy.gpu_wh, abs=1e-4)


def test_a_run_tells_what_it_has_drawn(tmp_path: Path) -> None:
    from workbench.training.run import Run
    from workbench.training.state import RunState, write_state

    stored = Energy(gpu_wh=2.0, cpu_wh=0.5, seconds=60.0)
    write_state(tmp_path, RunState(status="finished", created=1.0, ended=2.0, energy=stored.to_dict()))
    run = Run(tmp_path)
    assert run.energy == stored
    assert run.to_dict()["energy_wh"] == 2.5


def test_usable_cores_are_at_least_one() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_importing_the_sampler_is_light() -> None:
    code = (
        "import sys, workbench.training.hardware; "
        "print([name for name in ('psutil', 'pynvml', 'polars', 'numpy') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def _has_samples(folder: Path, n_samples: int) -> bool:
    return len(hardware_since(folder)[0]) >= n_samples


def _until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def _spend_cpu(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
