"""The hardware of a run on a page: GPUs of a played trace, many GPUs, and none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fake_nvml import FakeNvml
from streamlit.testing.v1 import AppTest

from workbench.training.energy import EnergyCounter
from workbench.training.gpu import NvmlReader, read_gpus
from workbench.training.state import RunState, write_state

SCRIPT = """
from pathlib import Path

from workbench.training import Run
from workbench.ui import hardware_panel

hardware_panel.show(Run(Path({folder!r})))
"""
MACHINE = {
    "cpu_percent": 40.0, "memory_mib": 8192.0, "memory_total_mib": 65536.0, "process_memory_mib": 2048.0,
    "process_cpu_percent": 120.0, "disk_free_mib": 204800.0, "disk_total_mib": 409600.0, "disk_write_mib_s": 3.5,
}  # fmt: skip


def run_folder(tmp_path: Path, gpus_at: list[list[dict[str, Any]]], *, status: str = "running") -> Path:
    """Write a run that learned for as long as the samples last."""
    folder = tmp_path / "run-0000"
    folder.mkdir()
    state = RunState(
        status=status, created=1000.0, started=1000.0, pid=os.getpid(), heartbeat=4e9, unit="epoch",
        ended=2000.0 if status == "finished" else None,
    )  # fmt: skip
    write_state(folder, state)
    counter, lines = EnergyCounter(), []
    for second, gpus in enumerate(gpus_at):
        sample = {"time": 1000.0 + second, **MACHINE, "gpus": gpus}
        lines.append(sample | {"energy": counter.add(sample).to_dict()})
    (folder / "hardware.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    points = [{"time": 1000.0 + s, "step": s, "epoch": s, "metrics": {"loss": 1 / (s + 1)}} for s in range(len(lines))]
    (folder / "history.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points))
    return folder


def played(n_each: int = 6) -> list[list[dict[str, Any]]]:
    """Play the trace through the reader, each of its moments for some seconds."""
    nvml = FakeNvml.of_trace()
    reader, samples, known = NvmlReader(nvml), [], 0
    for moment in range(len(nvml.frames)):
        nvml.frame = moment
        for _ in range(n_each):
            samples.append(read_gpus(reader, {os.getpid()}, known=known))
            known = len(samples[-1])
    return samples


def page_of(folder: Path) -> AppTest:
    page = AppTest.from_string(SCRIPT.format(folder=str(folder)), default_timeout=30).run()
    assert not page.exception, page.exception
    return page


def words_of(page: AppTest) -> str:
    return " ".join(element.value for kind in ("warning", "info", "caption") for element in getattr(page, kind))


def metrics_of(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_two_gpus_of_a_played_trace_are_shown_with_what_failed(tmp_path: Path) -> None:
    page = page_of(run_folder(tmp_path, played()))
    metrics = metrics_of(page)
    assert metrics["GPU 0"] == "12 %"
    assert metrics["Memory"] == "8.0 of 64 GiB"
    assert metrics["Disk free"] == "200 GiB"
    assert metrics["Energy"].endswith(" Wh")
    assert float(metrics["Energy"].split()[0]) > 1  # 12 s at 500 W
    table = page.dataframe[0].value
    assert table["GPU"].to_list() == ["0: NVIDIA H100 80GB HBM3", "1: NVIDIA T400"]
    assert table["power"].to_list() == ["70 W", "unknown"]
    assert table["of others"].to_list() == ["none", "none"]
    assert "whole boards, whoever else used them; not the processors" in words_of(page)


def test_a_gpu_that_is_gone_while_the_run_goes_on_is_said(tmp_path: Path) -> None:
    page = page_of(run_folder(tmp_path, played()[: 6 * 3]))  # the third moment: the first GPU is lost
    assert "GPU 0 doesn't answer.** It was there, and has told nothing" in words_of(page)
    assert metrics_of(page)["GPU 0"] == "not reported"
    assert page.dataframe[0].value["GPU"].to_list()[0] == "0: no answer"


def test_other_peoples_processes_are_told_apart(tmp_path: Path) -> None:
    page = page_of(run_folder(tmp_path, played()[:6]))
    table = page.dataframe[0].value
    assert table["GPU"].to_list() == ["0: NVIDIA H100 80GB HBM3, this run", "1: NVIDIA T400"]
    assert table["of this run"].to_list() == ["10.0 GiB", "0.0 GiB"]
    assert table["of others"].to_list() == ["1 process, 30.0 GiB", "1 process, 0.1 GiB"]
    assert table["slowed by"].to_list() == ["power limit, heat", "nothing"]
    said = words_of(page)
    assert "Others use GPU 0, too" in said
    assert "GPU 0 is too hot" in said
    assert "GPU 1" not in said  # it isn't this run's


def test_without_a_gpu_the_same_panel_shows_what_there_is_and_says_why(tmp_path: Path) -> None:
    page = page_of(run_folder(tmp_path, [[]] * 5, status="finished"))
    assert set(metrics_of(page)) == {
        "Processors", "Memory", "Memory of this run", "Disk free", "Written to disk", "Energy",
    }  # fmt: skip
    assert metrics_of(page)["Energy"] == "not reported"
    assert not page.dataframe
    assert "TPU" in words_of(page)
    assert "Unknown: neither a GPU of this run nor the processors" in words_of(page)


@pytest.mark.parametrize("n_gpus", [1, 8])
def test_any_number_of_gpus_fits(tmp_path: Path, n_gpus: int) -> None:
    gpu = {
        "name": "card",
        "utilisation_percent": 70.0,
        "memory_mib": 1024.0,
        "memory_total_mib": 2048.0,
        "power_w": 99.0,
    }
    gpus = [{"index": index, **gpu, "own": True, "slowed_by": []} for index in range(n_gpus)]
    page = page_of(run_folder(tmp_path, [gpus] * 5))
    assert len([label for label in metrics_of(page) if label.startswith("GPU")]) == min(n_gpus, 4)
    assert page.dataframe[0].value.shape[0] == n_gpus


def test_before_the_first_sample_the_panel_says_when_it_comes(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, [[]])
    (folder / "hardware.jsonl").unlink()
    assert "The first sample comes" in words_of(page_of(folder))
