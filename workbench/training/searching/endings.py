"""What a recipe lacks for an estimator: the steps that "try everything" adds so that each gets columns it can learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.estimators.entry import EstimatorEntry
from workbench.recipe.entering import Entry
from workbench.recipe.spec import Step, columns_of
from workbench.recipe.suggested_steps import Feature, Role, Setting, learned_steps
from workbench.training.bounding import draw_rows
from workbench.training.preparing import Preparation

_LOOKED_AT = 2_000
_WORDS = 3.0  # words of a cell from which on a column holds sentences
_ENCODE = frozenset({"one_hot", "ordinal", "target_encode", "hashing", "tf_idf"})
_SCALE = frozenset({"standardize", "min_max", "robust", "quantile_transform", "bins", "power", *_ENCODE})
_JOIN = frozenset({"pca", "select_best"})


def ending_for(prepared: Preparation, entry: EstimatorEntry) -> tuple[Step, ...]:
    """Give the learned steps that an estimator needs after the run's own recipe.

    Text that no step encodes is encoded; numbers are imputed and scaled where the estimator needs that and no step of
    the recipe does it. What the recipe does already stays as it is.

    Parameters
    ----------
    prepared : Preparation
    entry : EstimatorEntry

    Returns
    -------
    tuple of Step
        None where nothing is lacking.
    """
    steps = [step for step in prepared.steps if step.enabled]
    if not steps:
        return _suggested(prepared, entry)
    rows = draw_rows(prepared.split.train, _LOOKED_AT, seed=prepared.spec.seed)
    frame = prepared.answered(rows)
    arrived = Entry.of(frame, steps, prepared.target)
    done: dict[str, set[str]] = {}
    for step in steps:
        if step.family == "learned":
            for column in columns_of(step):
                done.setdefault(column, set()).add(step.step)
    joined = any(step.step in _JOIN for step in steps)
    features = []
    for name, values in arrived.enter(frame).items():
        found = _feature(name, values, arrived.inner_types[name] == "number", done.get(name, set()))
        if found is not None and not (joined and found.role == "number"):
            features.append(found)
    return tuple(step for step, _ in learned_steps(features, _setting(prepared, entry)))


def _suggested(prepared: Preparation, entry: EstimatorEntry) -> tuple[Step, ...]:
    from workbench.recipe.suggesting import suggest_for

    # Row steps decided which rows there are before the estimator was chosen.
    return tuple(step for step, _ in suggest_for(prepared.table, prepared.target, entry) if step.family != "row")


def _setting(prepared: Preparation, entry: EstimatorEntry) -> Setting:
    return Setting(
        handles_missing=entry.handles_missing,
        scales=entry.needs_scaling,
        n_rows=len(prepared.split.train),
        n_classes=len(prepared.classes or ()),
        embeds=entry.embeds,
    )


def _feature(name: str, values: np.ndarray, is_number: bool, done: set[str]) -> Feature | None:
    """Describe what is still to be done of a column; None where nothing is."""
    if not is_number:
        if done & _ENCODE:
            return None
        texts = [str(value) for value in values if value]
        n_words = sum(len(text.split()) for text in texts) / max(len(texts), 1)
        role: Role = "text" if n_words >= _WORDS and len(set(texts)) > len(texts) / 2 else "category"
        return Feature(name, role, n_unique=len(set(texts)))
    known = values[~np.isnan(values)]
    n_missing = 0 if "impute" in done else len(values) - len(known)
    if done & _SCALE:
        return Feature(name, "yes/no", n_missing, 2) if n_missing and not done & _ENCODE else None
    different = np.unique(known)
    if len(different) <= 2 and set(different.tolist()) <= {0.0, 1.0}:
        return Feature(name, "yes/no", n_missing, len(different))
    return Feature(name, "number", n_missing, len(different))


def with_ending(recipe: Sequence[Step], ending: Sequence[Step]) -> tuple[Step, ...]:
    """Give the recipe with its ending, which stands before a step that balances rows.

    Examples
    --------
    >>> from workbench.recipe.spec import Balance, Standardize
    >>> [step.step for step in with_ending([Balance()], [Standardize(columns=["age"])])]
    ['standardize', 'balance']
    """
    before = [step for step in recipe if step.family != "training"]
    return (*before, *ending, *(step for step in recipe if step.family == "training"))
