"""Several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from workbench.errors import EvaluationError
from workbench.evaluation.metrics import metrics_for
from workbench.evaluation.report import Report


def compare(reports: Mapping[str, Report], *, split: str = "test") -> pl.DataFrame:
    """Put the metrics of several runs side by side.

    Returns
    -------
    DataFrame
        ``metric``, ``better`` ("higher" or "lower"), one column for each name, and ``best`` (the name, null for a tie).

    Raises
    ------
    EvaluationError
        If there is no report, or the tasks differ.
    """
    tasks = {report.task for report in reports.values()}
    if len(tasks) != 1:
        raise EvaluationError(
            f"Got {len(reports)} reports of {len(tasks)} tasks, needed at least one report and all of the same task. "
            "Compare classifications with classifications."
        )
    measured = {name: report.metrics(split) if split in report.splits else {} for name, report in reports.items()}
    rows = []
    for metric in metrics_for(tasks.pop()).values():
        values = {name: part.get(metric.name) for name, part in measured.items()}
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            top = (max if metric.better == "higher" else min)(known.values())
            winners = [name for name, value in known.items() if value == top]
            rows.append(
                {
                    "metric": metric.name,
                    "better": metric.better,
                    **values,
                    "best": winners[0] if len(winners) == 1 else None,
                }
            )
    return pl.DataFrame(
        rows,
        schema={"metric": pl.String, "better": pl.String, **dict.fromkeys(measured, pl.Float64), "best": pl.String},
    )
