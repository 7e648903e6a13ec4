"""How much work a search is, before it begins: whole fits, less what is ended early."""

from __future__ import annotations

import math

from workbench.estimators.entry import EstimatorEntry
from workbench.training.search_spec import SearchSpec
from workbench.training.searching.contest import screen_of
from workbench.training.searching.space import Space

# As they were counted in searches of tables of some thousand rows.
_SECOND_FOLD, _LATER_FOLDS = 0.8, 0.3  # shares of the trials that come so far where those behind are ended
_GROWN, _GROWN_OUT = 0.3, 0.1  # of forests that wait: shares that come to their first trial, and to their last
_ROUNDS_SHARE, _ROUNDS_BESIDE = 0.25, 60  # of the most rounds, where each fit ends by itself after it has waited
_EPOCHS_SHARE, _COMPARED = 0.7, 4  # of a network's epochs, once so many others were measured in full


def likely_fits(search: SearchSpec, entry: EstimatorEntry, space: Space, n_arms: int, n_folds: int) -> float:
    """Say how many whole fits the work of a search is likely worth, with what is ended early.

    Parameters
    ----------
    search : SearchSpec
    entry : EstimatorEntry
    space : Space
    n_arms, n_folds : int
        Whole fits there would be of each on each, if none was ended.
    """
    n_fits = n_arms * n_folds
    if search.method == "halving":
        rounds = 1 + math.floor(math.log(max(n_arms, 1), 3) + 1e-9)
        return float(n_fits * rounds / 3 ** (rounds - 1))
    whole, nested = 1.0, space.nested
    if entry.name == "hist_gradient_boosting" and nested is not None and not nested.values:
        whole = min(1.0, _ROUNDS_SHARE + _ROUNDS_BESIDE / nested.at(1.0))
    if not (search.prune and search.method in ("optuna", "random")):
        return n_fits * whole
    stages = nested.values if nested is not None and entry.progress == "trees" else ()
    if stages and (screen := screen_of(int(stages[0]), n_folds)):
        waiting = screen / stages[-1] + _GROWN * stages[0] / stages[-1]
        return float(n_folds * min(n_arms, n_arms * waiting + 1 + _GROWN_OUT * n_arms))
    if entry.progress == "epochs":
        whole = _EPOCHS_SHARE + (1 - _EPOCHS_SHARE) * min(1.0, _COMPARED / n_arms)
    return n_fits * folds_share(n_folds) * whole


def folds_share(n_folds: int) -> float:
    """Say which share of its folds a trial is measured on, in the mean, where those that fall behind are ended.

    Examples
    --------
    >>> folds_share(1), round(folds_share(5), 2)
    (1.0, 0.54)
    """
    return (1 + _SECOND_FOLD * (n_folds > 1) + _LATER_FOLDS * max(0, n_folds - 2)) / n_folds
