"""A report: the metrics and predictions of one run, written once by the worker and read by every page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench import storage
from workbench.data.spec import SplitName, Task
from workbench.errors import EvaluationError
from workbench.estimators.native import pick_class
from workbench.evaluation import curves
from workbench.evaluation.metrics import (
    check_predictions,
    evaluate_predictions,
    main_metric,
    metrics_for,
    weighted_metric,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

FORMAT_VERSION = 1
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
PlotKind = Literal["confusion", "roc", "precision_recall", "calibration", "residuals", "predicted"]
_KINDS: dict[Task, tuple[PlotKind, ...]] = {
    "classification": ("confusion", "roc", "precision_recall", "calibration"),
    "regression": ("predicted", "residuals"),
}


def make_report(
    folder: Path | str,
    *,
    predictions: Mapping[str, tuple[Any, Any, Any]],
    task: Task,
    classes: Sequence[str | int] | None,
    target: str,
    cross_validation: Mapping[str, Any] | None = None,
) -> Report:
    """Measure the predictions of every split and store metrics and predictions.

    Parameters
    ----------
    folder : Path
        Gets ``report.json`` and ``predictions.parquet``.
    predictions : mapping of split to (rows, y_true, scores)
        Row positions in the table, labels (or numbers), and scores as in `evaluate_predictions`. Splits without rows
        may be left out.
    task, classes, target
        As in the package's signature.
    cross_validation : mapping, optional
        ``n_folds``, ``by``, ``mean`` and ``std`` by metric, and ``folds``, each with ``fold``, ``n_train_rows``,
        ``n_validation_rows`` and ``metrics``.

    Raises
    ------
    EvaluationError
        As `evaluate_predictions`.
    StorageError
        If the disk refuses.
    """
    folder = Path(folder)
    frames, splits = [], {}
    for split in (name for name in SPLITS if name in predictions):
        rows, y_true, scores = predictions[split]
        y, checked = check_predictions(y_true, scores, task=task, classes=classes, split=split)
        splits[split] = {
            "n_rows": len(y),
            "metrics": evaluate_predictions(y_true, checked, task=task, classes=classes, split=split),
        }
        frames.append(_prediction_frame(split, np.asarray(rows, dtype=np.int64), y, checked, classes))
    if not frames:
        raise EvaluationError(
            "Got predictions of no split, needed at least one of train, validation and test. Pass them."
        )
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "task": task,
        "target": target,
        "classes": None if classes is None else list(classes),
        "splits": splits,
    }
    if cross_validation is not None:
        document["cross_validation"] = dict(cross_validation)
    buffer = io.BytesIO()
    pl.concat(frames).write_parquet(buffer)
    storage.write_atomic(folder / "predictions.parquet", buffer.getvalue())
    storage.write_json(folder / "report.json", document)  # last: its presence says that the report is complete
    return Report(folder, document)


def _prediction_frame(
    split: str, rows: np.ndarray, y: np.ndarray, scores: np.ndarray, classes: Sequence[str | int] | None
) -> pl.DataFrame:
    frame = pl.DataFrame({"split": pl.repeat(split, len(y), dtype=pl.String, eager=True), "row": rows})
    if classes is None:
        return frame.with_columns(y_true=pl.Series(y), prediction=pl.Series(scores[:, 0]))
    labels = pl.Series(list(classes), dtype=pl.Int64 if isinstance(classes[0], int) else pl.String)
    return frame.with_columns(
        labels.gather(y).alias("y_true"),
        labels.gather(pick_class(scores)).alias("prediction"),
        *[pl.Series(f"probability_{label}", scores[:, c]) for c, label in enumerate(classes)],
    )


def open_report(folder: Path | str) -> Report:
    """Open a stored report.

    Raises
    ------
    EvaluationError
        If the folder has none, or it comes from a newer version.
    """
    folder = Path(folder)
    document = storage.read_json(folder / "report.json")
    if document is None:
        raise EvaluationError(
            f"Got {folder}, which holds no report.json. A run has its report once it has finished: wait for it."
        )
    if document.get("format_version") != FORMAT_VERSION:
        raise EvaluationError(
            f"Got a report of format {document.get('format_version')}, needed {FORMAT_VERSION}. "
            "Evaluate the run again with this version of the workbench."
        )
    if "groups" in document:
        from workbench.evaluation.groups import GroupReport

        return GroupReport(folder, document)
    return Report(folder, document)


class Report:
    """Metrics and curves of one run: numbers first (`frame` and friends), pictures second (`plot`)."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.folder = folder
        self.task: Task = document["task"]
        self.target: str = document["target"]
        self.classes: list[str | int] | None = document["classes"]
        self._splits: dict[str, Any] = document["splits"]
        self._folds: dict[str, Any] | None = document.get("cross_validation")
        self._intervals: dict[tuple[str, str], tuple[float, float] | None] = {}

    def __repr__(self) -> str:
        rows = ", ".join(f"{split} {part['n_rows']:,}" for split, part in self._splits.items())
        return f"Report({self.target!r}, {self.task}, rows: {rows})"

    @property
    def splits(self) -> list[str]:
        """The splits that were measured and have rows."""
        return [split for split, part in self._splits.items() if part["n_rows"]]

    @property
    def main_metric(self) -> str:
        """The metric to show first; falls back to one that is defined."""
        name = main_metric(self.task, None if self.classes is None else len(self.classes))
        measured = {metric for split in self.splits for metric in self.metrics(split)}
        return name if name in measured else {"classification": "accuracy", "regression": "rmse"}[self.task]

    def n_rows(self, split: str = "test") -> int:
        """Count the rows of a split."""
        return int(self._part(split)["n_rows"])

    def metrics(self, split: str = "test") -> dict[str, float]:
        """Give the metrics of a split by name."""
        return dict(self._part(split)["metrics"])

    def frame(self) -> pl.DataFrame:
        """Give all metrics: ``metric``, then one column for each of train, validation and test."""
        columns: dict[str, dict[str, float]] = {
            split: self.metrics(split) if split in self._splits else {} for split in SPLITS
        }
        names = [name for name in metrics_for(self.task) if any(name in part for part in columns.values())]
        values = {
            split: pl.Series([part.get(name) for name in names], dtype=pl.Float64) for split, part in columns.items()
        }
        return pl.DataFrame({"metric": pl.Series(names, dtype=pl.String), **values})

    @property
    def n_folds(self) -> int:
        """Number of folds of the cross-validation; 0 where there was none."""
        return int(self._folds["n_folds"]) if self._folds else 0

    def cross_validation(self) -> pl.DataFrame:
        """Give the metrics on the validation rows of every fold.

        Returns
        -------
        DataFrame
            ``metric``, ``mean``, ``std`` (over the folds, dividing by their number less one), and ``fold_1``,
            ``fold_2``, ...; the first fold's is the model that was kept.

        Raises
        ------
        EvaluationError
            If the run had no folds.
        """
        if self._folds is None:
            raise EvaluationError(
                "Got a run without folds, needed a split with folds to cross-validate. "
                "Set for example folds: 5 in the split and run again."
            )
        found = self._folds
        names = [name for name in metrics_for(self.task) if name in found["mean"]]
        columns = {key: [found[key].get(name) for name in names] for key in ("mean", "std")}
        columns |= {f"fold_{fold['fold']}": [fold["metrics"].get(name) for name in names] for fold in found["folds"]}
        values = {name: pl.Series(column, dtype=pl.Float64) for name, column in columns.items()}
        return pl.DataFrame({"metric": pl.Series(names, dtype=pl.String), **values})

    def interval(self, metric: str, split: str = "test") -> tuple[float, float] | None:
        """Give the 95 % bootstrap interval of a metric (1,000 resamples, fixed seed); None where it isn't defined."""
        if (metric, split) not in self._intervals:
            y, scores = self._arrays(split)
            measure = weighted_metric(metric, y, scores, task=self.task)
            self._intervals[metric, split] = curves.bootstrap_interval(measure, len(y))
        return self._intervals[metric, split]

    def predictions(self, split: str = "test") -> pl.DataFrame:
        """Give ``row``, ``y_true``, ``prediction`` and, for classes, ``probability_<class>`` of a split."""
        self._part(split)
        return self._all_predictions.filter(pl.col("split") == split).drop("split")

    def confusion(self, split: str = "test") -> pl.DataFrame:
        """Count actual against predicted classes; see `curves.confusion_frame`."""
        return curves.confusion_frame(*self._arrays(split), self._classes("a confusion matrix"))

    def roc(self, split: str = "test") -> pl.DataFrame:
        """Trace the ROC curve; see `curves.roc_frame`."""
        return curves.roc_frame(*self._arrays(split), self._classes("a ROC curve"))

    def precision_recall(self, split: str = "test") -> pl.DataFrame:
        """Trace precision against recall; see `curves.precision_recall_frame`."""
        return curves.precision_recall_frame(*self._arrays(split), self._classes("a precision-recall curve"))

    def calibration(self, split: str = "test") -> pl.DataFrame:
        """Compare predicted probabilities with observed shares; see `curves.calibration_frame`."""
        return curves.calibration_frame(*self._arrays(split), self._classes("a calibration curve"))

    def residuals(self, split: str = "test") -> pl.DataFrame:
        """Give ``row``, ``y_true``, ``prediction`` and ``residual`` (actual minus predicted, unit of the target)."""
        if self.task != "regression":
            raise EvaluationError(
                f"Got a classification of {self.target!r}; residuals need a regression. Look at confusion()."
            )
        return self.predictions(split).with_columns(residual=pl.col("y_true") - pl.col("prediction"))

    @property
    def plot_kinds(self) -> tuple[PlotKind, ...]:
        """The pictures that this task has."""
        return _KINDS[self.task]

    def plot(self, kind: PlotKind | None = None, split: str = "test") -> go.Figure:
        """Draw one of `plot_kinds`, by default the first.

        Raises
        ------
        EvaluationError
            If the task has no such picture, or the split wasn't measured.
        """
        from workbench import plots

        kind = kind or self.plot_kinds[0]
        if kind not in self.plot_kinds:
            raise EvaluationError(
                f"Got the plot {kind!r}, needed one for {self.task}. Choose from {', '.join(self.plot_kinds)}."
            )
        if kind in ("predicted", "residuals"):
            draw = plots.predicted if kind == "predicted" else plots.residuals
            return draw(self.residuals(split), target=self.target, split=split)
        numbers = getattr(self, kind)(split)
        return getattr(plots, kind)(numbers, target=self.target, split=split, n_rows=self.n_rows(split))

    @cached_property
    def _all_predictions(self) -> pl.DataFrame:
        path = self.folder / "predictions.parquet"
        if not path.is_file():
            raise EvaluationError(
                f"Got {self.folder} without predictions.parquet, needed it for curves. Restore it or run again."
            )
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise EvaluationError(f"{path} can't be read ({error}). Restore it, or run again.") from error

    def _part(self, split: str) -> dict[str, Any]:
        if split not in self._splits:
            raise EvaluationError(
                f"Got the split {split!r}, needed one that was measured. Choose from {', '.join(self._splits)}."
            )
        return dict(self._splits[split])

    def _classes(self, what: str) -> list[str | int]:
        if self.classes is None:
            raise EvaluationError(f"Got a regression of {self.target!r}; {what} needs classes. Look at residuals().")
        return self.classes

    def _arrays(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        frame = self.predictions(split)
        if self.classes is None:
            scores = frame["prediction"].to_numpy()
        else:
            scores = frame.select([f"probability_{label}" for label in self.classes]).to_numpy()
        return check_predictions(frame["y_true"].to_numpy(), scores, task=self.task, classes=self.classes, split=split)
