"""Searching parameters: trials on folds, the bad ones ended early, the best trained in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazily import lazily

if TYPE_CHECKING:
    from workbench.training.searching.checking import check_search as check_search
    from workbench.training.searching.estimating import Estimate as Estimate
    from workbench.training.searching.estimating import estimate as estimate
    from workbench.training.searching.frames import leaderboard_frame as leaderboard_frame
    from workbench.training.searching.frames import trials_frame as trials_frame
    from workbench.training.searching.search import run_search as run_search
    from workbench.training.searching.trials import Trial as Trial
    from workbench.training.searching.trials import read_trials as read_trials

# The app reads trials and never searches: it mustn't pay for what a worker needs.
_HOMES = {
    "check_search": "checking",
    "Estimate": "estimating",
    "estimate": "estimating",
    "leaderboard_frame": "frames",
    "trials_frame": "frames",
    "run_search": "search",
    "Trial": "trials",
    "read_trials": "trials",
}

__all__ = [*_HOMES]

__getattr__ = lazily(__name__, _HOMES)
