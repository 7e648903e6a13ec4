"""CIFAR-10: what the residual convnet reaches in the time that the small one takes for ten epochs.

Both train on the same 45,000 images; the residual one gets as many whole epochs as fit into the other's CPU time,
which a busy machine changes less than its clock. With a file name as ``WORKBENCH_CURVE`` the curves are written there
as SVG.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

TITLE = "CIFAR-10: test accuracy of two networks in the same time"
SMALL_EPOCHS = 10
SAMPLE = 4_000
SMALL: dict[str, Any] = {"estimator": {"name": "small_convnet"}, "training": {}}
RESIDUAL: dict[str, Any] = {
    "estimator": {"name": "residual_convnet"},
    "training": {"learning_rate": 0.004, "schedule": {"kind": "cosine", "warmup_epochs": 0.3}},
}


def main() -> None:
    """Print accuracy and CPU seconds of both, and write their curves where that is wanted."""
    from workbench.settings import current

    data = current().data
    if data is None or not any((data / name).is_file() for name in ("cifar10_jpeg.parquet", "cifar10.npz")):
        sys.exit("CIFAR-10 needs cifar10_jpeg.parquet or cifar10.npz in the folder that WORKBENCH_DATA names.")
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(current(), home=Path(folder))
        cost = {name: _cost(spec, settings) for name, spec in _specs().items()}
        ratio = cost["residual convnet"] / cost["small convnet"]
        epochs = {"small convnet": SMALL_EPOCHS, "residual convnet": max(1, int(SMALL_EPOCHS / ratio))}
        print(f"An epoch of the residual convnet costs {ratio:.2f} times one of the small one.", flush=True)
        curves = {}
        for name, spec in _specs().items():
            seconds, accuracy, curves[name] = _trained(spec, epochs[name], settings)
            print(
                f"{name:<17}{epochs[name]:3} epochs  {seconds:6.0f} s of CPU  test accuracy {accuracy:.4f}", flush=True
            )
    if path := os.environ.get("WORKBENCH_CURVE"):
        Path(path).write_text(svg(curves), encoding="utf-8")


def _specs() -> dict[str, dict[str, Any]]:
    return {"small convnet": SMALL, "residual convnet": RESIDUAL}


def _cost(spec: dict[str, Any], settings: Any) -> float:
    """Give the CPU seconds of two epochs on a sample, without what the first one compiles."""
    one, three = (_trained(spec, epochs, settings, sample=SAMPLE)[0] for epochs in (1, 3))
    return max(three - one, 1e-3)


def _trained(
    spec: dict[str, Any], epochs: int, settings: Any, *, sample: int | None = None
) -> tuple[float, float, pl.DataFrame]:
    """Train in this process; give the CPU seconds of the loop, the test accuracy, and accuracy by epoch."""
    from workbench.data import resolve
    from workbench.evaluation import evaluate_predictions
    from workbench.training.history import HistoryWriter, history_frame, history_since
    from workbench.training.learning import features, make_ready
    from workbench.training.live import Live
    from workbench.training.loops import fit
    from workbench.training.preparing import prepare_rows
    from workbench.training.progress import Progress
    from workbench.training.spec import RunSpec
    from workbench.training.state import RunState, write_state

    document = {"data": {"source": "cifar10"}, "split": {"validation": 0.1}, **spec}
    document["training"] = {**spec["training"], "epochs": epochs}
    if sample:
        document["recipe"] = [{"step": "sample", "n_rows": sample}]
    checked = RunSpec.parse(document)
    prepared = prepare_rows(checked, resolve(checked.data, settings=settings), settings)
    ready = make_ready(prepared, prepared.split)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_state(folder, RunState(status="queued", created=time.time()))
        live = Live(HistoryWriter(folder), Progress(folder), has_validation=True)
        began = time.process_time()
        model = fit(ready.material, live)
        seconds = time.process_time() - began
        history = history_frame(history_since(folder)[0])
    test = prepared.split.test
    scores = model.scores(features(prepared, ready.recipe, test))
    labels = prepared.labels(test)
    found = evaluate_predictions(labels, scores, task="classification", classes=prepared.classes, split="test")
    whole = history.filter(pl.col("epoch") % 1 == 0, pl.col("val_accuracy").is_not_null())
    curve = whole.select("epoch", (pl.col("epoch") * seconds / epochs).alias("seconds"), "val_accuracy")
    return seconds, float(found["accuracy"]), curve


def svg(curves: dict[str, pl.DataFrame]) -> str:
    """Draw validation accuracy by CPU seconds, one line a network."""
    width, height, left, top, bottom = 640, 360, 60, 20, 310
    last = max(float(curve["seconds"].max() or 1) for curve in curves.values())  # type: ignore[arg-type]
    colours = ("#0072B2", "#D55E00")

    def place(seconds: float, accuracy: float) -> tuple[float, float]:
        return left + seconds / last * (width - left - 130), bottom - (accuracy - 0.3) / 0.5 * (bottom - top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for accuracy in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        y = place(0, accuracy)[1]
        parts.append(f'<line x1="{left}" x2="{width - 130}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{accuracy:.1f}</text>')
    for (name, curve), colour in zip(curves.items(), colours, strict=True):
        points = [place(seconds, accuracy) for _, seconds, accuracy in curve.iter_rows()]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        x, y = points[-1]
        parts.append(f'<text x="{x + 8:.0f}" y="{y + 4:.0f}" fill="{colour}">{name}</text>')
    words = f"Validation accuracy by seconds of CPU (0 to {last:,.0f}), a point an epoch"
    parts.append(f'<text x="{left}" y="{height - 18}">{words}</text></svg>')
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
