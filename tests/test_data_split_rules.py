"""Splits in few bytes a row give each row the part that plain whole-column arithmetic gives it."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.data import places, split_folds, split_rows
from workbench.data.parts import part_sizes
from workbench.data.places import Moments, count_places, find_places, members_of
from workbench.data.spec import SplitSpec
from workbench.recipe.rows import _SEEDS, find_rows
from workbench.recipe.spec import DropDuplicates

SHARES = [{}, {"test": 0.0}, {"validation": 0.0}, {"test": 0.33, "validation": 0.05}]
lists = st.lists(st.integers(0, 60), min_size=8, max_size=120)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True, scope="module")
def short_stretches():
    """Let small tables be of several stretches."""
    before, places._STRETCH = places._STRETCH, 7
    yield
    places._STRETCH = before


def ranks(values: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    place_of_row = values.rank("dense").to_numpy() - 1
    return place_of_row, np.bincount(place_of_row)


def found(frame: pl.DataFrame, spec: SplitSpec, seed: int = 0) -> list[int]:
    """Give the part of each row."""
    split = split_rows(frame, spec, target="y", task="regression", seed=seed)
    part = np.zeros(frame.height, dtype=int)
    part[split.validation], part[split.test] = 1, 2
    return part.tolist()


@given(st.integers(8, 200), st.sampled_from(SHARES), seeds)
def test_a_random_split_takes_the_first_rows_of_a_permutation(n_rows, shares, seed):
    spec = SplitSpec(stratify=False, **shares)
    n_test, n_validation = part_sizes(n_rows, test=spec.test, validation=spec.validation)
    order, part = np.random.default_rng(seed).permutation(n_rows), np.zeros(n_rows, dtype=int)
    part[order[:n_test]] = 2
    part[order[n_test : n_test + n_validation]] = 1
    assert found(pl.DataFrame({"y": range(n_rows)}), spec, seed) == part.tolist()


@given(lists, st.sampled_from(SHARES), st.sampled_from(["number", "date", "fraction"]))
def test_a_time_split_begins_its_parts_at_the_moments_nearest_to_the_shares(days, shares, kind):
    spec = SplitSpec(by="time", column="t", **shares)
    assume(len(set(days)) >= 3)
    form = {
        "number": int,
        "fraction": lambda day: day / 7 - 3,
        "date": lambda day: datetime(1968, 1, 1) + timedelta(day * 30),
    }
    frame = pl.DataFrame({"y": range(len(days)), "t": [form[kind](day) for day in days]})
    moment_of_row, sizes = ranks(frame["t"])
    start, part = np.cumsum(sizes) - sizes, np.zeros(len(days), dtype=int)
    n_test, n_validation = part_sizes(len(days), test=spec.test, validation=spec.validation)

    def begin(row, first, last):
        return first + int(np.abs(start[first : last + 1] - row).argmin())

    test_from = begin(len(days) - n_test, 1 + (n_validation > 0), len(sizes) - 1) if n_test else len(sizes)
    if n_validation:
        part[moment_of_row >= begin(len(days) - n_test - n_validation, 1, test_from - 1)] = 1
    part[moment_of_row >= test_from] = 2
    assert found(frame, spec) == part.tolist()


@given(lists, st.integers(2, 4))
def test_time_folds_begin_at_the_moments_nearest_to_even_stretches(days, n_folds):
    assume(len(set(days)) >= n_folds + 3)
    frame, spec = pl.DataFrame({"y": range(len(days)), "t": days}), SplitSpec(by="time", column="t", folds=n_folds)
    split = split_rows(frame, spec, target="y", task="regression", seed=0)
    rows = split.learning
    moment_of_row, sizes = ranks(frame["t"][rows])
    start, edges = np.cumsum(sizes) - sizes, [0]
    for number in range(1, n_folds + 1):
        first, last = edges[-1] + 1, len(sizes) - 1 - (n_folds - number)
        ideal = len(rows) * number / (n_folds + 1)
        edges.append(first + int(np.abs(start[first : last + 1] - ideal).argmin()))
    edges.append(len(sizes))
    wanted = [
        (rows[moment_of_row < first].tolist(), rows[(moment_of_row >= first) & (moment_of_row < last)].tolist())
        for first, last in zip(edges[1:-1], edges[2:], strict=True)
    ]
    folds = split_folds(frame, spec, split, target="y", task="regression", seed=0)
    assert [(fold.train.tolist(), fold.validation.tolist()) for fold in folds] == wanted[::-1]


@given(lists, st.sampled_from(SHARES), seeds, st.sampled_from(["text", "number", "listed"]))
def test_a_group_split_fills_its_parts_with_groups_in_random_order(groups, shares, seed, kind):
    assume(len(set(groups)) >= 3)
    values = pl.Series("g", groups if kind == "number" else [f"group {group % 17}" for group in groups])
    if kind == "listed":
        values = values.cast(pl.Enum(["never", *reversed(values.unique().sort().to_list())]))
    assume(values.n_unique() >= 3)
    frame, spec = pl.DataFrame({"y": range(len(groups)), "g": values}), SplitSpec(by="group", column="g", **shares)
    group_of_row, sizes = ranks(values.cast(pl.String) if kind == "listed" else values)
    order = np.random.default_rng(seed).permutation(len(sizes)).tolist()
    part_of_group = np.zeros(len(sizes), dtype=int)
    n_test, n_validation = part_sizes(len(groups), test=spec.test, validation=spec.validation)
    for part, wanted, leave in ((2, n_test, (spec.test > 0) + (spec.validation > 0)), (1, n_validation, 1)):
        picked, filled = [], 0
        for group in order if wanted else []:
            if len(order) - len(picked) > leave and abs(filled + sizes[group] - wanted) <= abs(filled - wanted):
                picked.append(group)
                filled += sizes[group]
        if wanted and not picked:
            picked = [min(order, key=lambda group: sizes[group])]
        part_of_group[picked] = part
        order = [group for group in order if part_of_group[group] == 0]
    assert found(frame, spec, seed) == part_of_group[group_of_row].tolist()


@given(
    st.lists(st.integers(0, 80), min_size=1, max_size=300), st.sampled_from([pl.Int64, pl.UInt8, pl.Float64, pl.String])
)
def test_places_and_members_are_those_of_a_rank_and_a_stable_order(numbers, kind):
    values = pl.Series(numbers).cast(kind)
    place_of_row, sizes = ranks(values)
    given_places, different = find_places(values)
    assert given_places.tolist() == place_of_row.tolist()
    assert different.to_list() == values.unique().sort().to_list()
    assert different.dtype == values.dtype
    assert count_places(given_places, len(different)).tolist() == sizes.tolist()
    members = [rows.tolist() for rows in members_of(given_places, sizes)]
    assert members == [np.flatnonzero(place_of_row == place).tolist() for place in range(len(sizes))]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([True, False, True]),
        pl.Series(["1.5", "0.5", "1.5"]).cast(pl.Decimal(10, 2)),
        pl.Series([3, 1, 3]).cast(pl.Date),
        pl.Series([datetime(2024, 5, 2), datetime(1950, 1, 1), datetime(2024, 5, 2)]).dt.replace_time_zone("UTC"),
        pl.Series([b"b", b"a", b"b"]),
    ],
)
def test_values_of_every_kind_have_places(values):
    place_of_row, different = find_places(values)
    assert place_of_row.tolist() == [1, 0, 1]
    assert different.to_list() == values.unique().sort().to_list()
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        assert Moments(values).not_before(1).tolist() == [True, False, True]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=60), st.sampled_from(["first", "last"]))
def test_one_of_equal_rows_stays_where_it_was(rows, keep):
    frame = pl.DataFrame(
        {"a": [row[0] for row in rows], "b": [str(row[1]) for row in rows]}, schema_overrides={"a": pl.Int64}
    )
    kept = frame.with_row_index().unique(subset=["a", "b"], keep=keep, maintain_order=True)["index"]
    assert find_rows(frame, [DropDuplicates(keep=keep)]).tolist() == kept.to_list()


def test_rows_that_share_one_hash_by_chance_both_stay(monkeypatch):
    hashes = {
        seed: pl.Series(found, dtype=pl.UInt64)
        for seed, found in zip(_SEEDS, ([7, 7, 7, 9], [1, 2, 1, 2]), strict=True)
    }
    monkeypatch.setattr(pl.DataFrame, "hash_rows", lambda frame, seed: hashes[seed])
    assert find_rows(pl.DataFrame({"a": [1, 1, 1, 2], "b": [1, 2, 1, 2]}), [DropDuplicates()]).tolist() == [0, 1, 3]
