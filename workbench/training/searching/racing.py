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
_ENOUGH = 3  # folds from which on their differences tell by themselves how much chance there is
_MORE_GAIN = 0.5
_LEAST_SHARE = 0.1  # of the folds' own spread: differences that happened to be equal say nothing of the next


def can_catch_up(
    measured: Sequence[float],
    best: Sequence[float],
    *,
    spread: float | None = None,
    n_folds: int | None = None,
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
    mean = math.fsum(differences) / k
    if k >= n:
        return mean >= 0.0
    own = deviation(best)
    if k >= _ENOUGH:
        assumed = max(deviation(differences), spread or 0.0, _LEAST_SHARE * own)
    else:
        assumed = max(deviation(differences), own if spread is None else max(spread, _LEAST_SHARE * own))
    if assumed == 0.0:  # one fold, or folds that are all alike, give no idea of chance
        return True
    limit = _BEHIND_AFTER_ONE if k == 1 else _BEHIND
    return mean + limit * assumed * math.sqrt((n - k) / (k * n)) >= 0.0


def can_outgrow(measured: Sequence[float], best: Sequence[float], gains: Sequence[float] | None = None) -> bool:
    """Tell whether a forest with few trees can plausibly pass the best one once both have all their trees.

    Both were measured on the same folds with the same number of trees. More trees will gain both about as much: a half
    more than the best one has gained so far is allowed for, and the chance in these gains.

    Parameters
    ----------
    measured, best : sequence of float
        By fold; more is better.
    gains : sequence of float, optional
        What more trees have gained the best one, by fold; where nobody knows yet, the differences between the two say
        how much chance there is.

    Examples
    --------
    >>> can_outgrow([0.80, 0.81, 0.79], [0.90, 0.92, 0.88], gains=[0.01, 0.012, 0.011])
    False
    >>> can_outgrow([0.895, 0.915, 0.875], [0.90, 0.92, 0.88], gains=[0.01, 0.012, 0.011])
    True
    """
    k = len(measured)
    differences = [ours - theirs for ours, theirs in zip(measured, best, strict=False)]
    mean = math.fsum(differences) / max(k, 1)
    if gains:
        gained = math.fsum(gains) / len(gains)
        margin = _MORE_GAIN * abs(gained) + _BEHIND * deviation(gains) * math.sqrt(2.0 / k)
    elif k < _ENOUGH:
        return True
    else:
        margin = _BEHIND * max(deviation(differences), _LEAST_SHARE * deviation(best)) / math.sqrt(k)
    return mean + margin >= 0.0


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
