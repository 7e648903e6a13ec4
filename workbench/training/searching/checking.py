"""What can be refused of a search before any data is read, while whoever starts it is still listening."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from workbench.data.spec import Task
from workbench.errors import SpecError
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.image_forms import image_entry
from workbench.training.searching.asking import make_space
from workbench.training.searching.everything import check_estimators

if TYPE_CHECKING:
    from workbench.training.spec import RunSpec


def check_search(spec: RunSpec) -> None:
    """Refuse a search that can't be: unknown names, impossible ranges, nothing to compare trials on.

    Raises
    ------
    SpecError, EstimatorError
        The message names what there is.
    """
    search = spec.search
    if search is None:
        return
    entry = find_entry(spec.estimator.name)
    if entry.takes == "runs" or not {"classification", "regression"} & set(entry.tasks):
        raise SpecError(
            f"Got a search of {entry.name}, needed an estimator that learns a target from a table or from images. "
            "Remove `search`, or choose another estimator."
        )
    task = spec.data.supervised_task
    _check_metric(search.metric, task)
    if search.method == "everything":
        if search.space:
            raise SpecError(
                f"Got a space ({', '.join(search.space)}) for everything, needed none: each estimator is searched in "
                "the ranges of the catalogue. Remove `search.space`, or choose another method."
            )
        _check_tried(spec)
    else:
        if search.estimators:
            raise SpecError(
                f"Got search.estimators with the method {search.method}, which searches {entry.name} alone; needed "
                "them for the method everything. Remove `search.estimators`, or change the method."
            )
        make_space(entry, search, fixed=spec.estimator.params)
    _check_rows(spec)


def _check_tried(spec: RunSpec) -> None:
    """Refuse names to try; whether an estimator of both forms will get a table or images, only the data say."""
    base = image_entry(spec.estimator.name)
    names = spec.search.estimators if spec.search is not None else ()
    if base is None or find_entry(base.name).takes == "table" and not any(_only_images(name) for name in names):
        check_estimators(names, spec.data.supervised_task, takes="table")
    else:
        check_estimators(names, spec.data.supervised_task, takes="image")


def _only_images(name: str) -> bool:
    return find_entry(name).takes == "image"


def _check_metric(name: str | None, task: Task | None) -> None:
    from workbench.evaluation.metrics import metrics_for

    tasks = [task] if task else list(get_args(Task))
    known = [metric for each in tasks for metric in metrics_for(each)]
    if name is not None and name not in known:
        raise SpecError(
            f"Got the metric {name!r} for a search, needed one of {', '.join(known)}. "
            "Correct `search.metric`, or leave it out."
        )


def _check_rows(spec: RunSpec) -> None:
    cv, split = (spec.search.cv if spec.search else None), spec.split
    if cv is not None and split.by == "column":
        raise SpecError(
            f"Got search.cv {cv} with a split by column, which names the parts; needed parts that may be divided. "
            "Remove `search.cv` to compare trials on the validation part."
        )
    if cv is None and not split.folds and split.by != "column" and split.validation == 0:
        raise SpecError(
            "Got a search without folds and without validation rows, needed rows to compare trials on. "
            "Set `search.cv`, or `split.validation` above 0."
        )
