"""The report of a model without a target: how clear its groups are, how large, and what each is like."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench import storage
from workbench.errors import EvaluationError
from workbench.estimators.native import pick_class
from workbench.evaluation.metrics import Metric
from workbench.evaluation.report import FORMAT_VERSION, SPLITS, Report

if TYPE_CHECKING:
    import plotly.graph_objects as go

GroupTask = Literal["clustering", "outlier_detection"]
MAP_ROWS = 5_000  # of a split whose place on the map is stored
PROFILE = "profile.json"

GROUP_METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "silhouette",
            "Silhouette",
            "higher",
            False,
            "How much nearer rows are to their own group than to the next: 1 is far apart, 0 touching, below 0 wrong.",
        ),
        Metric("n_groups", "Groups", "higher", False, "Groups that have a row in this split."),
        Metric("noise_share", "Share of noise", "lower", False, "Share of the rows that belong to no group."),
        Metric("outlier_share", "Share of outliers", "lower", False, "Share of the rows that are called outliers."),
        Metric("mean_share", "Mean certainty", "higher", False, "Mean share of the group that each row was given."),
    )
}


def make_group_report(
    folder: Path | str,
    *,
    parts: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    metrics: Mapping[str, dict[str, float]],
    profile: Sequence[dict[str, Any]],
    task: GroupTask,
    classes: Sequence[str | int],
    target: str,
) -> GroupReport:
    """Store what a model without a target found.

    Parameters
    ----------
    folder : Path
    parts : mapping of split to (rows, scores, places)
        Row positions in the table, shares of the groups (n, n_groups), and places on a map of two axes (n, 2), NaN for
        rows that have none.
    metrics : mapping of split to dict
        By the names of `GROUP_METRICS`.
    profile : sequence of dict
        One row a column and group: ``column``, ``group``, ``value`` (mean, or most frequent), ``overall``,
        ``difference`` (in standard deviations; None for words).
    task : {"clustering", "outlier_detection"}
    classes : sequence of str
    target : str
        What the group is called.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    folder = Path(folder)
    labels = pl.Series([str(label) for label in classes], dtype=pl.String)
    frames = []
    for split in (name for name in SPLITS if name in parts):
        rows, scores, places = parts[split]
        frames.append(
            pl.DataFrame(
                {
                    "split": pl.repeat(split, len(rows), dtype=pl.String, eager=True),
                    "row": np.asarray(rows, dtype=np.int64),
                    "prediction": labels.gather(pick_class(scores)),
                    "map_x": places[:, 0],
                    "map_y": places[:, 1],
                }
            ).with_columns(pl.Series(f"probability_{label}", scores[:, c]) for c, label in enumerate(classes))
        )
    document = {
        "format_version": FORMAT_VERSION,
        "task": "classification",  # its answers are served, explained and watched as classes
        "groups": task,
        "target": target,
        "classes": list(classes),
        "splits": {
            split: {"n_rows": len(rows), "metrics": metrics.get(split, {})} for split, (rows, _, _) in parts.items()
        },
    }
    buffer = io.BytesIO()
    pl.concat(frames).write_parquet(buffer)
    storage.write_atomic(folder / "predictions.parquet", buffer.getvalue())
    storage.write_json(folder / PROFILE, list(profile))
    storage.write_json(folder / "report.json", document)  # last: its presence says that the report is complete
    return GroupReport(folder, document)


class GroupReport(Report):
    """What a model without a target found: sizes, a map and a profile of its groups."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        super().__init__(folder, document)
        self.groups: GroupTask = document["groups"]

    @property
    def main_metric(self) -> str:
        """The metric to show first."""
        names = ("outlier_share",) if self.groups == "outlier_detection" else ("silhouette", "noise_share", "n_groups")
        measured = {metric for split in self.splits for metric in self.metrics(split)}
        return next((name for name in names if name in measured), names[-1])

    def frame(self) -> pl.DataFrame:
        """Give all metrics: ``metric``, then one column for each of train, validation and test."""
        columns: dict[str, dict[str, float]] = {
            split: self.metrics(split) if split in self._splits else {} for split in SPLITS
        }
        names = [name for name in GROUP_METRICS if any(name in part for part in columns.values())]
        values = {
            split: pl.Series([part.get(name) for name in names], dtype=pl.Float64) for split, part in columns.items()
        }
        return pl.DataFrame({"metric": pl.Series(names, dtype=pl.String), **values})

    def interval(self, metric: str, split: str = "test") -> tuple[float, float] | None:
        """Give None: these metrics have no truth to resample."""
        return None

    def sizes(self, split: str = "test") -> pl.DataFrame:
        """Count the rows of each group: ``group``, ``n_rows``, ``share``."""
        counts: dict[str, int] = dict(self.predictions(split)["prediction"].value_counts().rows())
        rows = [(str(label), counts.get(str(label), 0)) for label in self._classes("sizes of groups")]
        total = max(1, sum(n for _, n in rows))
        return pl.DataFrame(
            {
                "group": [label for label, _ in rows],
                "n_rows": [n for _, n in rows],
                "share": [n / total for _, n in rows],
            }
        )

    def places(self, split: str = "test") -> pl.DataFrame:
        """Give the map: ``row``, ``group``, ``x``, ``y`` (principal components of the features, in their own unit)."""
        found = self.predictions(split).filter(pl.col("map_x").is_not_nan())
        return found.select(
            "row", pl.col("prediction").alias("group"), pl.col("map_x").alias("x"), pl.col("map_y").alias("y")
        )

    def profile(self) -> pl.DataFrame:
        """Describe each group of the training rows, a row for each column and group, the most telling first."""
        rows = storage.read_json(self.folder / PROFILE) or []
        schema = {
            "group": pl.String,
            "column": pl.String,
            "value": pl.String,
            "overall": pl.String,
            "difference": pl.Float64,
        }
        return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)

    @property
    def plot_kinds(self) -> tuple[Any, ...]:
        """The pictures that this task has."""
        return ("places", "sizes", "profile")

    def plot(self, kind: Any = None, split: str = "test") -> go.Figure:
        """Draw one of `plot_kinds`, by default the first.

        Raises
        ------
        EvaluationError
            If there is no such picture, or the split wasn't measured.
        """
        from workbench import plots

        kind = kind or "places"
        if kind not in self.plot_kinds:
            raise EvaluationError(
                f"Got the plot {kind!r}, needed one for {self.groups}. Choose from {', '.join(self.plot_kinds)}."
            )
        names = [str(label) for label in self._classes("a map of groups")]
        if kind == "places":
            return plots.group_places(self.places(split), names=names, split=split, n_rows=self.n_rows(split))
        if kind == "sizes":
            return plots.group_sizes(self.sizes(split), split=split)
        return plots.group_profile(self.profile())
