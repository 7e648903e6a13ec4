"""Whether a trial can still catch up with the best one: what decides if its remaining folds are worth their time.

Trials are compared fold by fold, on the same rows, since most of what makes a fold's score high or low is in its rows
and cancels out. The idea of racing candidates on the same instances: Maron and Moore, Hoeffding Races, NIPS 6, 1993;
the paired form: Birattari et al., A Racing Algorithm for Configuring Metaheuristics, GECCO 2002.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# Standard deviations by which a trial must be behind. One fold alone says little, so that takes more.
_BEHIND_AFTER_ONE, _BEHIND = 3.0, 2.0
_LEAST_SHARE = 0.1  # of the folds' own spread: differences that happened to be equal say nothing of the next


def can_catch_up(
    measured: Sequence[float],
    best: Sequence[float],
    *,
    spread: float | None = None,
    n_folds: int | None = None,
    slack: float = 0.0,
    is_rough: bool = False,
) -> bool:
    """Tell whether a trial's mean over all folds can plausibly reach that of the best trial.

    The differences on the folds measured so far have a mean; the mean over all folds differs from it by chance, with
    standard deviation ``s * sqrt((K - k) / (k * K))`` after k of K folds, where s is that of the differences.

    Parameters
    ----------
    measured : sequence of float
        Of the trial, for the first folds; more is better.
    best : sequence of float
        Of the best trial, for at least as many folds.
    spread : float, optional
        Standard deviation of the differences between trials that were measured on all folds; that of the best trial's
        own folds, which is larger, while too few have been.
    n_folds : int, optional
        Of the whole trial; the length of `best` when absent.
    slack : float
        What it may gain on the best trial beside that: by the trees that both still lack.
    is_rough : bool
        Whether the scores themselves will change, since trees are still to come: the folds measured so far are then a
        sample of what they may become, also when they are all of them.

    Examples
    --------
    >>> best = [0.90, 0.92, 0.88, 0.91, 0.89]
    >>> can_catch_up([0.80], best, spread=0.01), can_catch_up([0.89], best, spread=0.01)
    (False, True)
    """
    k, n = len(measured), n_folds or len(best)
    if not k:
        return True
    differences = [ours - theirs for ours, theirs in zip(measured, best, strict=False)]
    mean = math.fsum(differences) / k + slack
    own = deviation(best)
    assumed = own if spread is None else max(spread, _LEAST_SHARE * own)
    if k > 1:
        assumed = max(assumed, deviation(differences))
    if k >= n and not is_rough:
        return mean >= 0.0
    if assumed == 0.0:  # one fold, or folds that are all alike, give no idea of chance
        return True
    limit = _BEHIND_AFTER_ONE if k == 1 else _BEHIND
    left = 1.0 / k if is_rough else (n - k) / (k * n)
    return mean + limit * assumed * math.sqrt(left) >= 0.0


def deviation(values: Sequence[float]) -> float:
    """Give the standard deviation, divided by their number less one; 0 for fewer than two."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def pooled_spread(trials: Sequence[Sequence[float]], best: Sequence[float]) -> float | None:
    """Give the standard deviation of the differences to the best trial, over all trials with all folds.

    None while fewer than two others have been measured on all folds.
    """
    others = [values for values in trials if len(values) == len(best) and list(values) != list(best)]
    if len(others) < 2 or len(best) < 2:
        return None
    squared = [deviation([a - b for a, b in zip(values, best, strict=True)]) ** 2 for values in others]
    return math.sqrt(math.fsum(squared) / len(squared))


def behind_on_epochs(curve: Sequence[float], others: Sequence[Sequence[float]], *, warm_up: int = 3) -> bool:
    """Tell whether a network's validation loss is above the median of what others had after as many epochs.

    The best loss so far is compared, since a loss rises and falls. The rule: Golovin et al., Google Vizier, KDD 2017.

    Parameters
    ----------
    curve : sequence of float
        Its loss by epoch up to now; less is better.
    others : sequence of sequence of float
        Of trials that went to their end; at least four are needed.
    warm_up : int
        Epochs before it is looked at.
    """
    epoch = len(curve)
    if epoch <= warm_up:
        return False
    reached = sorted(min(other[:epoch]) for other in others if other)
    if len(reached) < 4:
        return False
    middle = len(reached) // 2
    median = reached[middle] if len(reached) % 2 else (reached[middle - 1] + reached[middle]) / 2
    return min(curve) > median
