"""Splitting: every row in exactly one part, and each kind of split keeps what it promises."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.data import split_rows
from workbench.data.spec import SplitSpec
from workbench.errors import SplitError

shares = st.tuples(
    st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.33, 0.5, 0.9]), st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.33])
).filter(lambda pair: sum(pair) <= 0.95)
seeds = st.integers(0, 2**32 - 1)


def split(frame, *, target="y", task="classification", seed=0, **spec):
    return split_rows(frame, SplitSpec(**spec), target=target, task=task, seed=seed)


def assert_disjoint_and_complete(parts, n_rows):
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together.tolist()) == list(range(n_rows))
    for rows in parts.parts().values():
        assert rows.dtype == np.int64
        assert (np.diff(rows) > 0).all()
    assert len(parts.train) > 0


@given(st.integers(3, 300), shares, seeds)
def test_a_random_split_is_disjoint_and_complete_with_the_shares_asked_for(n_rows, share, seed):
    test, validation = share
    frame = pl.DataFrame({"y": range(n_rows)})
    parts = split(frame, test=test, validation=validation, task="regression", seed=seed)
    assert_disjoint_and_complete(parts, n_rows)
    assert bool(test) == bool(len(parts.test))
    assert bool(validation) == bool(len(parts.validation))
    assert abs(len(parts.test) - n_rows * test) <= 1.5
    assert abs(len(parts.validation) - n_rows * validation) <= 1.5


@given(st.lists(st.integers(3, 60), min_size=2, max_size=6), shares, seeds)
def test_a_stratified_split_keeps_the_share_of_each_class(counts, share, seed):
    test, validation = share
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    frame = pl.DataFrame({"y": [f"class {label}" for label in labels]})
    parts = split(frame, test=test, validation=validation, seed=seed)
    assert_disjoint_and_complete(parts, len(labels))
    for label, count in enumerate(counts):
        in_part = {name: int((labels[rows] == label).sum()) for name, rows in parts.parts().items()}
        assert in_part["train"] >= 1
        # Room for one row in each part takes precedence over the share of a class that is very small.
        assert bool(test) == bool(in_part["test"])
        assert bool(validation) == bool(in_part["validation"])
        assert abs(in_part["test"] - count * test) < 2
        assert abs(in_part["validation"] - count * validation) < 2


def test_a_stratified_split_has_exactly_the_size_asked_for():
    frame = pl.DataFrame({"y": [0] * 803 + [1] * 150 + [2] * 48})
    parts = split(frame, test=0.2, validation=0.2)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (601, 200, 200)


@given(st.lists(st.integers(0, 12), min_size=3, max_size=200), shares, seeds)
def test_a_group_split_keeps_groups_together(groups, share, seed):
    test, validation = share
    assume(len(set(groups)) >= 3)
    frame = pl.DataFrame({"y": [0] * len(groups), "g": [f"g{group}" for group in groups]})
    parts = split(frame, test=test, validation=validation, by="group", column="g", seed=seed)
    assert_disjoint_and_complete(parts, len(groups))
    assert bool(test) == bool(len(parts.test))
    assert bool(validation) == bool(len(parts.validation))
    values = frame["g"].to_numpy()
    found = [set(values[rows]) for rows in parts.parts().values()]
    assert sum(map(len, found)) == len(set(groups))


def test_a_group_split_comes_near_to_the_shares_asked_for():
    groups = np.random.default_rng(0).integers(0, 200, 5_000)
    parts = split(pl.DataFrame({"y": groups, "g": groups}), test=0.2, validation=0.1, by="group", column="g")
    assert len(parts.test) == pytest.approx(1_000, abs=30)
    assert len(parts.validation) == pytest.approx(500, abs=30)


@given(st.lists(st.integers(0, 40), min_size=3, max_size=200), shares)
def test_a_time_split_tests_on_what_came_last(days, share):
    test, validation = share
    assume(len(set(days)) >= 3)
    frame = pl.DataFrame({"y": [0] * len(days), "day": [date(2024, 1, 1) + timedelta(days=day) for day in days]})
    parts = split(frame, test=test, validation=validation, by="time", column="day")
    assert_disjoint_and_complete(parts, len(days))
    assert bool(test) == bool(len(parts.test))
    assert bool(validation) == bool(len(parts.validation))
    moments = [np.array(days)[rows] for rows in (parts.train, parts.validation, parts.test) if len(rows)]
    for earlier, later in zip(moments, moments[1:], strict=False):
        assert earlier.max() < later.min()


def test_a_time_split_of_different_times_has_the_shares_asked_for():
    frame = pl.DataFrame({"y": range(100), "t": [float(place) for place in reversed(range(100))]})
    parts = split(frame, test=0.2, validation=0.1, by="time", column="t", task="regression")
    assert parts.test.tolist() == list(range(20))
    assert parts.validation.tolist() == list(range(20, 30))


@pytest.mark.parametrize("spec", [{"stratify": True}, {"stratify": False}, {"by": "group", "column": "g"}])
def test_the_same_seed_gives_the_same_split_and_another_seed_another(spec):
    frame = pl.DataFrame({"y": [place % 3 for place in range(200)], "g": [place % 37 for place in range(200)]})
    first, again, other = (split(frame, seed=seed, **spec) for seed in (1, 1, 2))
    assert first.test.tolist() == again.test.tolist()
    assert first.train.tolist() == again.train.tolist()
    assert first.test.tolist() != other.test.tolist()


def test_a_class_that_is_too_rare_is_named_with_both_remedies():
    frame = pl.DataFrame({"y": ["common"] * 50 + ["rare"] * 2})
    with pytest.raises(
        SplitError, match=r"Got class 'rare' of 'y' with 2 rows, needed at least 3 .*Set stratify: false"
    ):
        split(frame)
    assert_disjoint_and_complete(split(frame, stratify=False), 52)
    assert_disjoint_and_complete(split(frame, validation=0.0), 52)


@pytest.mark.parametrize(
    ("frame", "spec", "message"),
    [
        (pl.DataFrame({"y": [1, 2]}), {}, r"Got 2 rows, needed at least 3 to split into 3 parts"),
        (
            pl.DataFrame({"y": [1] * 9, "g": ["a", "b", "b"] * 3}),
            {"by": "group", "column": "g"},
            r"Got 2 groups in column 'g'",
        ),
        (pl.DataFrame({"y": [1] * 9, "t": [1, 2, 2] * 3}), {"by": "time", "column": "t"}, r"Got 2 different times"),
        (
            pl.DataFrame({"y": [1] * 9, "t": ["a", "b", "c"] * 3}),
            {"by": "time", "column": "t"},
            r"type String, needed dates",
        ),
        (
            pl.DataFrame({"y": [1] * 9, "t": [1, 2, None] * 3}),
            {"by": "time", "column": "t"},
            r"3 missing values.* drop_missing with columns \[t\]",
        ),
        (
            pl.DataFrame({"y": [1] * 9, "time": [1, 2, 3] * 3}),
            {"by": "time", "column": "tme"},
            r"Did you mean 'time'\?",
        ),
    ],
)
def test_what_cannot_be_split_is_refused_with_a_remedy(frame, spec, message):
    with pytest.raises(SplitError, match=message):
        split(frame, **spec)


def test_a_large_table_splits_fast():
    labels = np.random.default_rng(0).integers(0, 7, 200_000)
    parts = split(pl.DataFrame({"y": labels}))
    assert_disjoint_and_complete(parts, 200_000)
