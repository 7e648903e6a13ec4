"""Small images with something to learn, made in place: bars that lie, bars that stand, and frames."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from workbench.data.images import pack_pixels

SHAPES = ("frame", "lying", "standing")


def drawn(n: int, side: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw n grey images of side x side on a noisy ground, and their classes 0, 1, 2."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (n, side, side), dtype=np.uint8)
    kinds = np.arange(n) % 3
    for image, kind in zip(pixels, kinds, strict=True):
        place = int(rng.integers(2, side - 3))
        if kind == 0:
            image[1:-1, 1], image[1:-1, -2], image[1, 1:-1], image[-2, 1:-1] = 230, 230, 230, 230
        elif kind == 1:
            image[place, 1:-1] = 230
        else:
            image[1:-1, place] = 230
    return pixels, kinds.astype(np.int64)


def table_frame(n: int, n_test: int = 0, side: int = 12) -> pl.DataFrame:
    """Give images and labels as a table has them, and a column with the parts where there are test rows."""
    pixels, kinds = drawn(n, side)
    columns = [pl.Series("image", pack_pixels(pixels)), pl.Series("label", [SHAPES[kind] for kind in kinds])]
    if n_test:
        columns.append(pl.Series("split", ["train"] * (n - n_test) + ["test"] * n_test))
    return pl.DataFrame(columns)


def as_png(pixels: np.ndarray) -> bytes:
    """Pack one image as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def image_spec(source: str, **parts: Any) -> dict[str, Any]:
    """Give the RunSpec of a small convnet that learns in seconds."""
    return {
        "name": "shapes",
        "data": {"source": source},
        "recipe": [{"step": "augment", "shift": 0.05}],
        "estimator": {"name": "small_convnet", "params": {"filters": [8, 8], "units": 16, "dropout": 0.0}},
        "training": {"epochs": 6, "batch_size": 16, "learning_rate": 0.01},
        **parts,
    }


def train_here(spec: dict[str, Any], home: Path, *, stop_after: int | None = None) -> Any:
    """Execute a run in this process, as the worker does; give it when it has ended.

    Parameters
    ----------
    stop_after : int, optional
        Ask it to stop after so many epochs.
    """
    from workbench import storage
    from workbench.settings import Settings
    from workbench.training import Run
    from workbench.training import state as files
    from workbench.training.spec import RunSpec

    settings = Settings(home=home, models=home / "models", checkpoint_seconds=0.0)
    checked = RunSpec.parse(spec)
    folder = settings.runs / f"{checked.name}-{len(list(settings.runs.glob('*'))):04x}"
    folder.mkdir(parents=True)
    storage.write_json(folder / files.SPEC, checked.to_dict())
    go_on(folder, settings, stop_after=stop_after)
    return Run(folder, settings=settings)


def go_on(folder: Path, settings: Any, *, stop_after: int | None = None) -> None:
    """Execute a run's pipeline from what lies in its folder: from the start, or from its checkpoint."""
    import time

    from workbench import storage
    from workbench.training import state as files
    from workbench.training.pipeline import run_pipeline
    from workbench.training.progress import Progress
    from workbench.training.spec import RunSpec
    from workbench.training.state import RunState, write_state

    class Stopping(Progress):
        def stop_requested(self) -> bool:
            return stop_after is not None and self.state.unit == "epoch" and self.state.step >= stop_after

    write_state(folder, RunState(status="queued", created=time.time()))
    progress = Stopping(folder)
    progress.begin()
    checked = RunSpec.parse(storage.read_json(folder / files.SPEC))
    status, reason = run_pipeline(checked, folder, progress=progress, settings=settings)
    progress.end(status, reason)
