"""Row steps: what they leave, the same for frames and stored tables, and equal to the plain Polars operations."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from workbench.errors import RecipeError
from workbench.recipe import Step, find_rows, prepared
from workbench.recipe import rows as room

PROFILE = {
    "deadline": None,
    "derandomize": True,
    "phases": (Phase.explicit, Phase.generate, Phase.shrink),
    "suppress_health_check": list(HealthCheck),
}


def steps_of(*documents: dict) -> tuple[Step, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(documents)


ROWS = pl.DataFrame(
    {
        "age": [30, 10, None, 20, 30, 10],
        "port": ["S", "C", "S", "", "S", None],
        "fare": [1.0, math.inf, 3.0, 4.0, 1.0, 6.0],
        "y": [0, 1, 0, 1, 0, 1],
    }
)


def found(*documents: dict, frame: pl.DataFrame = ROWS) -> list[int]:
    return find_rows(frame, steps_of(*documents)).tolist()


def test_no_row_step_leaves_every_row():
    assert found() == found({"step": "rename", "names": {"age": "years"}}) == [0, 1, 2, 3, 4, 5]
    assert found({"step": "drop_duplicates", "enabled": False}) == [0, 1, 2, 3, 4, 5]


def test_a_filter_keeps_the_rows_for_which_it_holds():
    assert found({"step": "filter", "expression": "age > 15"}) == [0, 3, 4]
    assert found({"step": "filter", "expression": "port == 'S' or age is missing"}) == [0, 2, 4]
    assert found({"step": "filter", "expression": "fare is missing"}) == [1]


def test_the_first_or_the_last_of_equal_rows_is_kept():
    assert found({"step": "drop_duplicates"}) == [0, 1, 2, 3, 5]
    assert found({"step": "drop_duplicates", "keep": "last"}) == [1, 2, 3, 4, 5]
    assert found({"step": "drop_duplicates", "columns": ["age"], "keep": "last"}) == [2, 3, 4, 5]


def test_sorting_puts_missing_values_last_and_decides_which_of_equal_rows_stays():
    assert found({"step": "sort", "columns": ["age"]}) == [1, 5, 3, 0, 4, 2]
    assert found({"step": "sort", "columns": ["age"], "descending": True}) == [0, 4, 3, 1, 5, 2]
    newest = {"step": "sort", "columns": ["fare"], "descending": True}
    assert found(newest, {"step": "drop_duplicates", "columns": ["age"]}) == [5, 3, 2, 0]


def test_a_sample_keeps_the_order_and_depends_on_its_seed_only():
    rows = pl.DataFrame({"a": range(1_000)})
    first = found({"step": "sample", "n_rows": 100, "seed": 1}, frame=rows)
    assert first == sorted(first) == found({"step": "sample", "n_rows": 100, "seed": 1}, frame=rows)
    assert len(set(first)) == 100
    assert first != found({"step": "sample", "n_rows": 100, "seed": 2}, frame=rows)
    assert len(found({"step": "sample", "fraction": 0.25}, frame=rows)) == 250
    assert len(found({"step": "sample", "n_rows": 9_999}, frame=rows)) == 1_000


def test_row_steps_see_the_columns_that_column_steps_made_before_them():
    assert found(
        {"step": "calculate", "name": "double", "expression": "age * 2"},
        {"step": "rename", "names": {"double": "twice"}},
        {"step": "filter", "expression": "twice >= 60"},
    ) == [0, 4]
    assert found(
        {"step": "clean_text", "columns": ["port"], "operations": ["lower_case"]},
        {"step": "filter", "expression": "port in ('s', 'c')"},
        {"step": "drop_missing", "columns": ["fare"]},
    ) == [0, 2, 4]


def test_an_absent_column_is_named_with_its_place():
    with pytest.raises(RecipeError, match=r"Step 2 \(sort\): got column 'agee', .* Did you mean 'age'\?"):
        found({"step": "drop_duplicates"}, {"step": "sort", "columns": ["agee"]})
    with pytest.raises(RecipeError, match=r"Step 1 \(filter\), character 1: got column 'agee'"):
        found({"step": "filter", "expression": "agee > 1"})


def test_a_recipe_may_leave_no_row():
    assert found({"step": "filter", "expression": "age > 99"}, {"step": "sample", "n_rows": 3}) == []
    assert found({"step": "sort", "columns": ["age"]}, frame=ROWS.head(0)) == []


def test_a_stored_table_is_read_in_batches_and_only_in_the_columns_needed(settings, monkeypatch):
    from workbench.data.store import store_frame

    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "a": rng.integers(0, 50, 1_000),
            "b": rng.choice(["x", "y", "z"], 1_000),
            "c": rng.normal(size=1_000),
            "d": range(1_000),
        }
    )
    table = store_frame(frame, name="many", origin={"kind": "memory"}, settings=settings)
    read: list[tuple[str, ...]] = []
    batches = type(table).batches

    def watched(self, columns=None, *, n_rows):
        read.append(tuple(columns))
        return batches(self, columns, n_rows=n_rows)

    monkeypatch.setattr(type(table), "batches", watched)
    monkeypatch.setattr(room, "BATCH_ROWS", 64)
    steps = steps_of(
        {"step": "filter", "expression": "a > 3"},
        {"step": "drop_duplicates", "columns": ["a", "b"], "keep": "last"},
        {"step": "sort", "columns": ["b", "a"]},
    )
    positions = find_rows(table, steps)
    assert read == [("a", "b")]
    kept = frame.with_row_index().filter(pl.col("a") > 3).unique(["a", "b"], keep="last", maintain_order=True)
    assert positions.tolist() == kept.sort(["b", "a"])["index"].to_list()
    rows = prepared(table, steps, positions=positions, columns=["c", "b"])
    assert rows.equals(frame[positions].select("c", "b"))


values = st.one_of(st.none(), st.integers(-2, 2).map(float), st.sampled_from([math.nan, math.inf, 0.5]))
words = st.sampled_from([None, "", "a", "b"])
SOME_STEPS = {
    "duplicates": (
        {"step": "drop_duplicates", "columns": ["b"]},
        lambda f: f.unique(["b"], keep="first", maintain_order=True),
    ),
    "duplicate rows": (
        {"step": "drop_duplicates", "keep": "last"},
        lambda f: f.unique(["a", "b", "n"], keep="last", maintain_order=True),
    ),
    "missing": (
        {"step": "drop_missing", "columns": ["a", "b"]},
        lambda f: f.filter(pl.col("a").is_finite(), pl.col("b") != ""),
    ),
    "filter": (
        {"step": "filter", "expression": "n % 2 == 0 or b == 'a'"},
        lambda f: f.filter((pl.col("n") % 2 == 0) | (pl.col("b") == "a")),
    ),
    "sort": (
        {"step": "sort", "columns": ["b", "n"], "descending": True},
        lambda f: f.sort(pl.col("b").replace("", None), "n", descending=True, nulls_last=True, maintain_order=True),
    ),
}


@settings(max_examples=60, **PROFILE)
@given(
    rows=st.lists(st.tuples(values, words, st.integers(0, 5)), max_size=12),
    names=st.lists(st.sampled_from(sorted(SOME_STEPS)), min_size=1, max_size=4),
    n_batch=st.integers(1, 5),
)
def test_any_row_steps_leave_what_the_plain_operations_leave(rows, names, n_batch):
    frame = pl.DataFrame(rows, schema={"a": pl.Float64, "b": pl.String, "n": pl.Int64}, orient="row")
    expected = frame.with_row_index("place")
    for name in names:
        expected = SOME_STEPS[name][1](expected)
    before, room.BATCH_ROWS = room.BATCH_ROWS, n_batch
    try:
        positions = find_rows(frame, steps_of(*(SOME_STEPS[name][0] for name in names)))
    finally:
        room.BATCH_ROWS = before
    assert positions.tolist() == expected["place"].to_list()
    assert positions.dtype == np.uint32
