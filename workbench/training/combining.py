"""A run that combines finished runs: their mean (voting), or a small model over their answers (stacking).

The runs must have learned from the same rows, and judged the same ones: then no test row has influenced anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench.data.spec import SplitName
from workbench.errors import EstimatorError, RunError
from workbench.estimators.catalogue import check_params
from workbench.recipe.fitted_step import listed
from workbench.settings import Settings
from workbench.training import state as files
from workbench.training.history import HistoryWriter
from workbench.training.live import Live
from workbench.training.measures import measure
from workbench.training.members import PARTS, Members, open_members
from workbench.training.progress import Progress
from workbench.training.run import Run
from workbench.training.spec import RunSpec
from workbench.training.state import Status

if TYPE_CHECKING:
    from workbench.data import Table

Method = Literal["stacking", "voting"]
_PACKAGE_ROWS = 500_000


def combined_spec(runs: Sequence[Run], *, method: Method = "stacking", name: str | None = None) -> RunSpec:
    """Write the RunSpec that combines finished runs: data, split and seed of the first one.

    Raises
    ------
    EstimatorError
        If there are fewer than two.
    """
    if len(runs) < 2:
        raise EstimatorError(f"Got {len(runs)} runs to combine, needed at least two. Name finished runs.")
    first = runs[0].spec
    return RunSpec.parse(
        {
            "name": name or f"{first.name}-{method}"[:64],
            "data": first.data,
            "split": first.split.model_copy(update={"folds": None}),
            "estimator": {"name": method, "params": {"runs": [run.id for run in runs]}},
            "seed": first.seed,
        }
    )


def run_combining(spec: RunSpec, folder: Path, *, progress: Progress, settings: Settings) -> tuple[Status, str | None]:
    """Do the work of a run that combines others; see `run_pipeline`."""
    from workbench.data import resolve
    from workbench.data.naming import source_name
    from workbench.estimators.combined import CombinedModel, combine
    from workbench.estimators.models import load_model
    from workbench.package.predictor import NATIVE_FOLDER, RECIPE_FOLDER
    from workbench.recipe.fitted import FittedRecipe
    from workbench.recipe.joined import JoinedRecipe

    params = check_params(spec.estimator.name, spec.estimator.params)
    progress.enter("reading")
    members = open_members(params["runs"], spec, settings)
    table = resolve(spec.opened_data, settings=settings)
    if table.digest != members.runs[0].state.table:
        raise RunError(
            f"The runs learned from another table than {source_name(spec.data.source, settings=settings)!r}, or it has "
            "changed since. Name the table that they learned from."
        )
    progress.tell(table=table.digest)
    progress.enter("training")
    live = Live(HistoryWriter(folder), progress, has_validation="validation" in members.reports[0].splits)
    live.count(0, 1, "fit")
    weights, bias = learned_weights(members, params["C"]) if spec.estimator.name == "stacking" else (None, None)
    unseen = unseen_classes(members) if spec.estimator.name == "stacking" else []
    scores = {
        part: combine(members.answers(part), members.task, weights, bias, unseen)
        for part in PARTS
        if part in members.reports[0].splits
    }
    _record(live, members, scores)
    progress.enter("evaluating")
    metrics = _report(folder, members, scores)
    progress.enter("packaging")
    folders = [run.package_folder for run in members.runs]
    recipe = JoinedRecipe([FittedRecipe.load(each / RECIPE_FOLDER) for each in folders])
    models = [load_model(each / NATIVE_FOLDER) for each in folders]
    model = CombinedModel(
        models,
        recipe.widths,
        task=members.task,
        classes=members.classes,
        weights=weights,
        bias=bias,
        unseen=unseen,
    )
    for note in _notes(spec, members):
        live.note(note)
    _package(spec, folder, table, members, recipe, model, metrics, live, settings)
    return "finished", None


def learned_weights(members: Members, C: float) -> tuple[np.ndarray, np.ndarray]:
    """Learn from the validation rows how much each member's answer counts.

    Returns
    -------
    weights : ndarray of shape (n_members * n_outputs, n_outputs)
    bias : ndarray of shape (n_outputs,)
        So low that a class without a validation row gets no share; see `unseen_classes`.

    Raises
    ------
    EstimatorError
        If the runs have no validation rows, or these are of one class.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    from workbench.estimators.combined import taken

    if "validation" not in members.reports[0].splits:
        raise EstimatorError(
            "Got runs without validation rows, which stacking learns from (training rows would flatter whoever learned "
            "them by heart). Train them with a validation share, or take voting."
        )
    X, y = taken(members.answers("validation"), members.task), members.indices("validation")
    if members.task == "regression":
        scale = float(y.std()) or 1.0
        fitted = Ridge(alpha=1.0 / C).fit(X / scale, y / scale)
        return np.asarray(fitted.coef_, dtype=np.float64).reshape(-1, 1), np.array([float(fitted.intercept_) * scale])
    present, n_classes = np.unique(y), len(members.classes or ())
    if len(present) < 2:
        raise EstimatorError("Got validation rows of one class, needed two to learn from. Give more validation rows.")
    fitted = LogisticRegression(C=C, max_iter=5_000).fit(X, y)
    weights, bias = np.zeros((X.shape[1], n_classes)), np.full(n_classes, -1e3)
    if len(present) == 2:
        # scikit-learn gives the odds of the second class only; half each way is the same softmax.
        weights[:, present] = np.column_stack([-0.5 * fitted.coef_[0], 0.5 * fitted.coef_[0]])
        bias[present] = [-0.5 * fitted.intercept_[0], 0.5 * fitted.intercept_[0]]
    else:
        weights[:, present], bias[present] = fitted.coef_.T, fitted.intercept_
    return weights, bias


def unseen_classes(members: Members) -> list[int]:
    """Return the indices of the classes that no validation row has, so that nothing is learned about them."""
    if members.classes is None:
        return []
    return sorted(set(range(len(members.classes))) - set(members.indices("validation").tolist()))


def _record(live: Live, members: Members, scores: dict[SplitName, np.ndarray]) -> None:
    values: dict[str, float] = {}
    for part, prefix in (("train", ""), ("validation", "val_")):
        if part in scores:
            values |= measure(members.task, members.indices(part), scores[part], prefix=prefix)
    live.record(1, 1, values)
    live.count(1, 1, "fit")


def _report(folder: Path, members: Members, scores: dict[SplitName, np.ndarray]) -> dict[str, dict[str, Any]]:
    from workbench.evaluation import make_report

    report = make_report(
        folder / files.REPORT,
        predictions={part: (members.rows(part), members.labels(part), found) for part, found in scores.items()},
        task=members.task,
        classes=members.classes,
        target=members.reports[0].target,
    )
    return {part: report.metrics(part) for part in scores}


def _notes(spec: RunSpec, members: Members) -> list[str]:
    ids = ", ".join(run.id for run in members.runs)
    notes = [f"Combines {ids}."]
    if spec.estimator.name == "stacking":
        notes.append("It learned from the validation rows, so their metrics flatter it; look at test.")
        unseen = [str((members.classes or [])[label]) for label in unseen_classes(members)]
        if unseen:
            notes.append(
                f"No validation row is of class {listed(unseen)}: it keeps the mean probability of the runs. Choose a "
                "split whose validation rows hold every class."
            )
    return notes


def _package(
    spec: RunSpec,
    folder: Path,
    table: Table,
    members: Members,
    recipe: Any,
    model: Any,
    metrics: dict[str, dict[str, Any]],
    live: Live,
    settings: Settings,
) -> None:
    from workbench.data.file_forms import FileForm
    from workbench.package import build_package, make_signature
    from workbench.training.bounding import draw_rows

    target = members.reports[0].target
    train = _raw(table, members, "train")
    judged = [part for part in ("validation", "test") if part in members.reports[0].splits]
    evaluation = pl.concat([_raw(table, members, part) for part in judged]) if judged else train
    if evaluation.height > _PACKAGE_ROWS:
        evaluation = evaluation[draw_rows(np.arange(evaluation.height), _PACKAGE_ROWS, seed=spec.seed)]
    info = build_package(
        folder / files.PACKAGE,
        spec=spec.to_dict(),
        recipe=recipe,
        model=model,
        signature=make_signature(recipe, train, target, members.task, members.classes, orders=table.orders),
        train=train,
        evaluation=evaluation,
        metrics=metrics,
        notes=_notes(spec, members),
        file_form=FileForm.of(table),
        settings=settings,
        is_stopped=live.stop_requested,
    )
    if info.engine == "native":
        live.note(info.reason)
    live.log(f"Package built: engine {info.engine}, {info.n_rows_checked:,} rows compared with the native models.")


def _raw(table: Table, members: Members, part: str) -> pl.DataFrame:
    """Give raw rows, with the target as the runs saw it."""
    labels = pl.Series(members.reports[0].target, members.labels(part).tolist())
    return table.take(members.rows(part)).with_columns(labels)
