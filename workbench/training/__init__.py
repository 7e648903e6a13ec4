"""Runs: the RunSpec, the worker that executes it in its own process, and what its readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazily import lazily

if TYPE_CHECKING:
    from workbench.training.hardware import gpu_report as gpu_report
    from workbench.training.hardware import sample_once as sample_once
    from workbench.training.listing import delete_run as delete_run
    from workbench.training.listing import open_run as open_run
    from workbench.training.listing import runs as runs
    from workbench.training.run import Run as Run
    from workbench.training.spec import RunSpec as RunSpec
    from workbench.training.starting import start as start
    from workbench.training.starting import train as train
    from workbench.training.state import RunState as RunState

_HOMES = {
    "RunSpec": "spec",
    "RunState": "state",
    "Run": "run",
    "open_run": "listing",
    "runs": "listing",
    "delete_run": "listing",
    "start": "starting",
    "train": "starting",
    "sample_once": "hardware",
    "gpu_report": "hardware",
}

__all__ = [*_HOMES]

__getattr__ = lazily(__name__, _HOMES)
