"""Splitting: every row in exactly one part, and each kind of split keeps what it promises."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.data import describe_split, fold_frame, split_folds, split_rows
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
        assert rows.dtype == np.uint32
        assert (rows[1:] > rows[:-1]).all()
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


def folds(frame, *, target="y", task="classification", seed=0, **spec):
    chosen = SplitSpec(**spec)
    first = split_rows(frame, chosen, target=target, task=task, seed=seed)
    found = split_folds(frame, chosen, first, target=target, task=task, seed=seed)
    assert first.validation.tolist() == found[0].validation.tolist()
    assert first.train.tolist() == found[0].train.tolist()
    return found


def assert_folds(found, n_rows):
    """Each row that isn't a test row validates once; none trains and validates in the same fold."""
    test = found[0].test.tolist()
    assert sorted(np.concatenate([fold.validation for fold in found]).tolist() + test) == list(range(n_rows))
    for fold in found:
        assert fold.test.tolist() == test
        assert_disjoint_and_complete(fold, n_rows)


@given(st.integers(12, 200), st.integers(2, 8), st.sampled_from([0.0, 0.2, 0.3]), seeds)
def test_random_folds_take_every_row_once_and_are_of_one_size(n_rows, n_folds, test, seed):
    found = folds(pl.DataFrame({"y": range(n_rows)}), folds=n_folds, test=test, task="regression", seed=seed)
    assert len(found) == n_folds
    assert_folds(found, n_rows)
    sizes = [len(fold.validation) for fold in found]
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers(10, 60), min_size=2, max_size=5), st.integers(2, 5), seeds)
def test_stratified_folds_share_each_class_out_evenly(counts, n_folds, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    found = folds(pl.DataFrame({"y": [f"class {label}" for label in labels]}), folds=n_folds, seed=seed)
    assert_folds(found, len(labels))
    for label in range(len(counts)):
        in_fold = [int((labels[fold.validation] == label).sum()) for fold in found]
        assert max(in_fold) - min(in_fold) <= 1


@given(st.lists(st.integers(0, 30), min_size=20, max_size=200), st.integers(2, 4), seeds)
def test_group_folds_keep_groups_together(groups, n_folds, seed):
    assume(len(set(groups)) >= 2 * n_folds)
    frame = pl.DataFrame({"y": [0] * len(groups), "g": [f"g{group}" for group in groups]})
    found = folds(frame, folds=n_folds, by="group", column="g", seed=seed)
    assert_folds(found, len(groups))
    values = frame["g"].to_numpy()
    for fold in found:
        assert not set(values[fold.train]) & set(values[fold.validation])
        assert not set(values[fold.test]) & set(values[fold.validation])


@given(st.lists(st.integers(0, 60), min_size=20, max_size=200), st.integers(2, 5))
def test_time_folds_expand_and_never_see_what_comes_later(days, n_folds):
    assume(len(set(days)) >= 2 * n_folds + 2)
    frame = pl.DataFrame({"y": [0] * len(days), "day": [date(2024, 1, 1) + timedelta(days=day) for day in days]})
    found = folds(frame, folds=n_folds, by="time", column="day")
    days = np.array(days)
    assert len(found) == n_folds
    for fold in found:
        assert days[fold.train].max() < days[fold.validation].min()
        assert days[fold.validation].max() < days[fold.test].min()
    for later, earlier in zip(found, found[1:], strict=False):
        assert later.train.tolist() == sorted(earlier.train.tolist() + earlier.validation.tolist())


def test_a_column_of_words_names_the_parts_in_any_case():
    words = ["train", "Training", "TRAIN ", "val", "Valid", "dev", "validation", "test", "Testing", "hold-out"]
    parts = split(pl.DataFrame({"y": [0] * 10, "part": words}), by="column", column="part")
    assert (parts.train.tolist(), parts.validation.tolist()) == ([0, 1, 2], [3, 4, 5, 6])
    assert parts.test.tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1, 0], r"type Int64, needed the words train.* calculate step .*if_else\(part == 1, 'test', 'train'\)"),
        (["train", "test", "later"], r"Got 'later' in 1 rows of part column 'part', needed one of the words train"),
        (["test", "test", "val"], r"without a row that says train"),
        (["train", None, "test"], r"1 missing values.* drop_missing with columns \[part\]"),
    ],
)
def test_a_part_column_that_says_something_else_is_refused_with_a_remedy(values, message):
    with pytest.raises(SplitError, match=message):
        split(pl.DataFrame({"y": [0, 1, 0], "part": values}), by="column", column="part")


@pytest.mark.parametrize("by", ["group", "time", "column"])
def test_a_split_by_the_target_itself_is_refused(by):
    with pytest.raises(SplitError, match=r"'y', which is the target; needed another column"):
        split(pl.DataFrame({"y": [1, 2, 3] * 5}), by=by, column="y")


def test_a_time_split_of_text_is_told_to_parse_the_dates_first():
    frame = pl.DataFrame({"y": [1] * 9, "day": ["3 May 2024", "4 May 2024", "5 May 2024"] * 3})
    with pytest.raises(SplitError, match=r"Add the step parse_dates with columns \[day\] first"):
        split(frame, by="time", column="day")


def test_given_test_rows_stay_the_test_rows_and_the_others_are_divided():
    frame = pl.DataFrame({"y": [0, 1] * 50})
    parts = split_rows(frame, SplitSpec(test=0.5), target="y", task="classification", seed=0, n_train_rows=60)
    assert parts.test.tolist() == list(range(60, 100))
    assert (len(parts.train), len(parts.validation)) == (48, 12)
    moved = np.concatenate([np.arange(60, 100), np.arange(0, 60)])  # as a sort step may leave them
    parts = split_rows(
        frame, SplitSpec(folds=3), target="y", task="classification", seed=0, n_train_rows=60, positions=moved
    )
    assert parts.test.tolist() == list(range(40))
    assert (len(parts.train), len(parts.validation)) == (40, 20)


def test_row_steps_that_leave_no_given_test_row_are_refused():
    with pytest.raises(SplitError, match=r"Got no row of the test file among the 10 rows .*Look at the row steps"):
        split_rows(
            pl.DataFrame({"y": [0, 1] * 5}), SplitSpec(), target="y", task="classification", seed=0, n_train_rows=10
        )


@pytest.mark.parametrize(
    ("frame", "spec", "message"),
    [
        (
            {"y": ["a"] * 20 + ["b"] * 4},
            {"folds": 5},
            r"'b' of 'y' with 3 rows beside the test rows, needed at least 5",
        ),
        ({"y": [1] * 3}, {"folds": 5, "stratify": False}, r"Got 2 rows beside the test rows, needed at least 5"),
        ({"y": [1] * 9, "g": [1, 2, 3] * 3}, {"folds": 4, "by": "group", "column": "g"}, r"Got 2 groups .* Set fewer"),
        ({"y": [1] * 9, "t": [1, 2, 3] * 3}, {"folds": 4, "by": "time", "column": "t"}, r"Got 2 different times"),
    ],
)
def test_folds_that_cannot_be_made_are_refused_with_a_remedy(frame, spec, message):
    with pytest.raises(SplitError, match=message):
        folds(pl.DataFrame(frame), **spec)


def test_a_split_is_described_in_numbers():
    frame = pl.DataFrame({"y": ["a", "b"] * 10, "t": list(range(20)), "v": [float(place) for place in range(20)]})
    spec = SplitSpec(by="time", column="t", test=0.25, validation=0.25)
    parts = split_rows(frame, spec, target="y", task="classification", seed=0)
    numbers = describe_split(parts, frame, target="y", task="classification", spec=spec)
    assert numbers["part"].to_list() == ["train", "validation", "test"]
    assert numbers["n_rows"].to_list() == [10, 5, 5]
    assert numbers["share of a"].to_list() == [0.5, 0.6, 0.4]
    assert numbers.select("first", "last").rows() == [(0, 9), (10, 14), (15, 19)]
    values = describe_split(parts, frame, target="v", task="regression")
    assert values["target_mean"].to_list() == [4.5, 12.0, 17.0]


def test_folds_are_drawn_as_stretches_of_rows():
    frame = pl.DataFrame({"y": [0, 1] * 10, "t": range(20)})
    drawn = fold_frame(folds(frame, folds=2, test=0.2))
    assert drawn.rows() == [
        (1, "validation", 8), (1, "train", 8), (1, "test", 4), (2, "train", 8), (2, "validation", 8), (2, "test", 4)
    ]  # fmt: skip
    by_time = fold_frame(folds(frame, folds=3, test=0.2, by="time", column="t"), by="time")
    assert by_time.filter(pl.col("part") == "unused")["n_rows"].to_list() == [4, 8]


def test_a_table_of_very_many_groups_splits():
    groups = np.arange(100_000) // 2
    parts = split(pl.DataFrame({"y": groups, "g": groups}), by="group", column="g")
    assert_disjoint_and_complete(parts, 100_000)
