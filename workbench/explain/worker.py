"""The process of one explanation: ``python -m workbench.explain.worker EXPLANATION_ID``."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path

import polars as pl

from workbench import storage
from workbench.errors import WorkbenchError
from workbench.explain.engines import explain
from workbench.explain.jobs import REQUEST, ROWS, write_state
from workbench.settings import Settings, current
from workbench.training.state import LOG

_REPORT_SECONDS = 0.2


def main(explanation_id: str, *, settings: Settings | None = None) -> int:
    """Compute a prepared explanation and store it; the state says how it went."""
    settings = settings or current()
    folder = settings.explanations / explanation_id
    started = time.time()
    write_state(folder, "running", started=started)
    try:
        _compute(folder, started, settings)
    except WorkbenchError as error:
        write_state(folder, "failed", reason=str(error), started=started)
        return 1
    except Exception as error:  # whatever SHAP raises becomes the reason; the traceback goes into the log
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}. Look into {LOG}, or use engine='permutation'."
        write_state(folder, "failed", reason=reason, started=started)
        return 1
    return 0


def _compute(folder: Path, started: float, settings: Settings) -> None:
    request = storage.read_json(folder / REQUEST)
    reported = 0.0

    def report(share: float) -> None:
        nonlocal reported
        if time.monotonic() - reported > _REPORT_SECONDS:
            reported = time.monotonic()
            write_state(folder, "running", progress=share, started=started)

    explanation = explain(
        request["package_folder"],
        pl.read_parquet(folder / ROWS),
        engine=request["engine"],
        n_background=request["n_background"],
        seed=request["seed"],
        on_progress=report,
        settings=settings,
    )
    explanation.save(folder)
    write_state(folder, "finished", progress=1.0, started=started)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
