"""Metrics, curves and comparisons, as frames; see `report.Report`."""

from workbench.evaluation.comparing import compare
from workbench.evaluation.metrics import Metric, evaluate_predictions, main_metric, metrics_for
from workbench.evaluation.report import PlotKind, Report, make_report, open_report

__all__ = [
    "Metric",
    "PlotKind",
    "Report",
    "compare",
    "evaluate_predictions",
    "main_metric",
    "make_report",
    "metrics_for",
    "open_report",
]
