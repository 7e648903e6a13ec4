"""How runs, their metrics and their estimators are written on the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.estimators.catalogue import catalogue
from workbench.evaluation import open_report
from workbench.plots.panels import metric_title
from workbench.ui import words

if TYPE_CHECKING:
    from workbench.training.run import Run

N_POINTS = 60
_FIRST_METRIC = ("roc_auc", "accuracy", "rmse", "r2", "silhouette", "outlier_share")


def estimator_title(name: str) -> str:
    """Write an estimator's name as the catalogue does."""
    if name == "everything":  # a search that hasn't chosen yet
        return "Everything sensible"
    found = catalogue().get(name)
    return found.title if found else name


def loss_curve(run: Run) -> list[float]:
    """Give the course of the loss (validation where there is one), thinned to a sparkline's points."""
    history = run.history()
    name = next((name for name in ("val_loss", "loss") if name in history.columns), None)
    if name is None:
        return []
    values = history[name].drop_nulls()
    return values.gather_every(max(1, values.len() // N_POINTS)).to_list()


def first_metric(run: Run) -> tuple[str, float] | None:
    """Give the test metric that matters most of a run, with its name; None before it was measured."""
    test = run.metrics_so_far().get("test", {})
    if not test:
        return None
    names = [open_report(run.report_folder).main_metric, *_FIRST_METRIC]
    return next(((name, float(test[name])) for name in names if test.get(name) is not None), None)


def best_text(run: Run) -> tuple[str, str]:
    """Name the value that matters most of a run, and write it."""
    found = first_metric(run)
    if found is not None:
        return f"{metric_title(found[0])}, test", words.number(found[1], 4)
    best = run.state.best
    if best:
        return f"best {metric_title(best['metric'])}", words.number(float(best["value"]), 4)
    return "best so far", "–"
