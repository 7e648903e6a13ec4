"""Trials that fall behind: ended where they can't plausibly catch up, and never where they may yet win."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.training.searching.racing import (
    behind_on_epochs,
    can_catch_up,
    can_outgrow,
    deviation,
    pooled_spread,
)

BEST = [0.90, 0.92, 0.88, 0.91, 0.89]


def test_a_trial_far_behind_after_one_fold_is_ended_and_one_near_goes_on():
    assert not can_catch_up([0.80], BEST, spread=0.01)
    assert can_catch_up([0.88], BEST, spread=0.01)


def test_a_trial_ahead_always_goes_on():
    assert can_catch_up([0.91], BEST, spread=0.0)
    assert can_catch_up([0.91, 0.93, 0.89], BEST)


def test_one_bad_fold_does_not_end_the_trial_that_wins_in_the_end():
    winner = [0.885, 0.95, 0.91, 0.94, 0.92]  # the first fold is 1.5 behind, all others are ahead
    assert np.mean(winner) > np.mean(BEST)
    assert all(can_catch_up(winner[:k], BEST, spread=0.012) for k in range(1, 6))


def test_after_all_folds_the_mean_decides():
    assert not can_catch_up([value - 0.001 for value in BEST], BEST)
    assert can_catch_up([value + 0.001 for value in BEST], BEST)


def test_without_an_idea_of_chance_nothing_is_ended():
    assert can_catch_up([0.5], [0.9, 0.9, 0.9])
    assert can_catch_up([], BEST)


@pytest.mark.parametrize("ahead", [0.0, 0.002])
def test_a_trial_that_would_win_is_hardly_ever_ended(ahead):
    rng = np.random.default_rng(0)
    wins = ended = 0
    for _ in range(1_000):
        fold = rng.normal(0.9, 0.02, 5)
        best, trial = fold + rng.normal(0, 0.005, 5), fold + ahead + rng.normal(0, 0.005, 5)
        if trial.mean() > best.mean():
            wins += 1
            ended += not all(can_catch_up(list(trial[:k]), list(best), spread=0.007) for k in (1, 2))
    assert wins > 400
    assert ended < 0.01 * wins


def test_a_forest_that_more_trees_may_bring_ahead_is_grown():
    assert can_outgrow([0.895, 0.915, 0.875], BEST[:3], gains=[0.010, 0.012, 0.011])
    assert not can_outgrow([0.85, 0.87, 0.83], BEST[:3], gains=[0.010, 0.012, 0.011])
    assert can_outgrow([0.80], [0.90])  # one part and no idea of what trees gain


def test_the_spread_of_differences_comes_from_trials_with_all_folds():
    others = [[value + 0.01 for value in BEST], [value - 0.02 * (-1) ** i for i, value in enumerate(BEST)], [0.5]]
    assert pooled_spread(others[:1], BEST) is None
    expected = np.sqrt((0.0**2 + deviation([-0.02, 0.02, -0.02, 0.02, -0.02]) ** 2) / 2)
    assert pooled_spread(others, BEST) == pytest.approx(expected)


def test_a_network_is_ended_above_the_median_and_not_before_others_are_known():
    others = [[0.9, 0.6, 0.4, 0.3, 0.2], [0.9, 0.6, 0.4, 0.3, 0.25], [0.9, 0.7, 0.5, 0.4, 0.3], [0.9, 0.7, 0.5, 0.4]]
    assert behind_on_epochs([0.9, 0.8, 0.8, 0.8], others)
    assert not behind_on_epochs([0.9, 0.5, 0.4, 0.3], others)
    assert not behind_on_epochs([0.9, 0.8, 0.8], others)  # warming up
    assert not behind_on_epochs([0.9, 0.8, 0.8, 0.8], others[:3])


def test_the_most_promising_arm_is_complete_before_the_last_folds_of_the_others(settings, tmp_path, monkeypatch):
    """Of a batch that is measured together: a stop finds one complete trial as soon as there can be one."""
    from search_runs import search, spec_of

    from workbench.training.searching import arena

    begun = []
    measure = arena.Arena._measure
    monkeypatch.setattr(
        arena.Arena,
        "_measure",
        lambda self, task, n_jobs: (
            begun.append((task.arm.config["max_depth"], task.fold)),
            measure(self, task, n_jobs),
        )[1],
    )
    monkeypatch.setattr(arena, "usable_cores", lambda: 1)
    asked = {"method": "random", "cv": 4, "metric": "log_loss", "space": {"max_depth": [1, 2, 3, 4]}}
    search(spec_of(tmp_path, asked), settings)
    by_fold = [fold for _, fold in begun]
    assert by_fold[:8] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [depth for depth, _ in begun[8:10]] == [begun[8][0]] * 2
    assert by_fold[8:10] == [2, 3]
