"""Coded checks: each finds what it is for, and each remedy mends it."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

import workbench as wb
from workbench.data import store_frame
from workbench.data.spec import SplitSpec
from workbench.errors import TargetError
from workbench.recipe import check_recipe
from workbench.recipe.checks import CHECKS, Remedy, apply_remedy, check_data
from workbench.recipe.spec import DropColumns, DropDuplicates, Impute, OneHot, Standardize

N = 400


def base(rng: np.random.Generator) -> dict[str, list]:
    """Columns about which there is nothing to say."""
    color = rng.choice(["red", "green", "blue"], N)
    return {
        "x": rng.normal(size=N).tolist(),
        "color": color.tolist(),
        "y": [["no", "yes"][place] for place in rng.integers(0, 2, N)],
    }


def leak(rng):
    rows = base(rng)
    rows["boat"] = [f"B{place % 7}" if y == "yes" else None for place, y in enumerate(rows["y"])]
    return rows


def computed(rng):
    rows = base(rng)
    casual, registered = rng.integers(0, 100, N), rng.integers(0, 300, N)
    return rows | {"casual": casual, "registered": registered, "y": casual + registered}


def alone(rng):
    rows = base(rng)
    return rows | {
        "duration": [(y == "yes") * 1.6 + value for y, value in zip(rows["y"], rng.normal(size=N), strict=True)]
    }


def one_class(rng):
    rows = base(rng)
    body = iter(range(N))
    return rows | {"body": [next(body) % 30 if y == "no" and k % 3 == 0 else None for k, y in enumerate(rows["y"])]}


def identifier(rng):
    return base(rng) | {"customer_id": rng.permutation(N) * 7}


def duplicated(rng):
    rows = base(rng)
    return {name: [*values[:300], *values[:100]] for name, values in rows.items()}


def dated(rng):
    return base(rng) | {"day": [date(2024, 1, 1) + timedelta(days=int(place)) for place in rng.integers(0, 300, N)]}


def dated_text(rng):
    return base(rng) | {"day": [f"{place % 28 + 1:02d}.{place % 12 + 1:02d}.2024" for place in range(N)]}


def ordered(rng):
    return base(rng) | {"year": sorted(rng.integers(1990, 2020, N).tolist())}


def rare(rng):
    rows = base(rng)
    return rows | {"y": ["maybe", "maybe", *rows["y"][2:]]}


def unknown(rng):
    rows = base(rng)
    return rows | {"y": [None if place % 10 == 0 else y for place, y in enumerate(rows["y"])]}


def labels(rng):
    rows = base(rng)
    return rows | {"y": [f" {y.upper()}." if place % 2 else y for place, y in enumerate(rows["y"])]}


def uneven(rng):
    return base(rng) | {"y": ["yes"] * 20 + ["no"] * (N - 20)}


def same(rng):
    return base(rng) | {"same": [1] * N, "nearly": [1] + [0] * (N - 1)}


def equal(rng):
    rows = base(rng)
    return rows | {"copy": rows["x"]}


def many(rng):
    return base(rng) | {"city": [f"city {place % 70}" for place in rng.integers(0, 70, N)]}


def mixed(rng):
    return base(rng) | {
        "size": [["n/a", "> 100"][place % 2] if place % 20 == 0 else str(place % 90) for place in range(N)]
    }


def tailed(rng):
    return base(rng) | {
        "fare": np.exp(rng.normal(size=N) * 2).tolist(),
        "debt": (-np.exp(rng.normal(size=N) * 2)).tolist(),
    }


def coded(rng):
    return base(rng) | {"district": rng.integers(1, 9, N).tolist(), "zip": rng.integers(10_000, 10_200, N).tolist()}


def spelled(rng):
    return base(rng) | {"town": [["Paris", "paris ", "Lyon"][place] for place in rng.integers(0, 3, N)]}


def accounts(rng):
    numbers = [2**53 + place // 4 for place in range(N)]
    return base(rng) | {"account": numbers, "other": [number ^ 1 for number in numbers]}


CASES = [
    ("WB101", leak, {"boat"}),
    ("WB102", computed, {"casual", "registered"}),
    ("WB103", alone, {"duration"}),
    ("WB103", one_class, {"body"}),
    ("WB104", identifier, {"customer_id"}),
    ("WB111", duplicated, set()),
    ("WB112", dated, {"day"}),
    ("WB112", dated_text, {"day"}),
    ("WB112", ordered, {"year"}),
    ("WB113", rare, {"y"}),
    ("WB121", unknown, {"y"}),
    ("WB122", labels, {"y"}),
    ("WB123", uneven, {"y"}),
    ("WB131", same, {"same"}),
    ("WB132", equal, {"x", "copy"}),
    ("WB133", many, {"city"}),
    ("WB134", dated_text, {"day"}),
    ("WB135", mixed, {"size"}),
    ("WB136", tailed, {"fare"}),
    ("WB137", coded, {"district"}),
    ("WB138", spelled, {"town"}),
    ("WB139", accounts, {"account"}),
]


def table_of(make, settings):
    return store_frame(pl.DataFrame(make(np.random.default_rng(1))), name=make.__name__, settings=settings)


@pytest.mark.parametrize(("code", "make", "columns"), CASES, ids=[f"{code}-{make.__name__}" for code, make, _ in CASES])
def test_a_check_finds_what_it_is_for_and_each_remedy_mends_it(code, make, columns, settings):
    table = table_of(make, settings)
    found = [check for check in check_data(table, target="y") if check.code == code]
    assert found, f"{code} isn't reported"
    assert columns <= {name for check in found for name in check.columns}
    for check in found:
        assert check.explanation
        assert check.remedies
        for remedy in check.remedies:
            steps = apply_remedy((), remedy)
            check_recipe(steps, table.columns, "y", finished=False)
            again = check_data(table, target="y", steps=steps, split=remedy.split)
            left = {(other.code, other.columns) for other in again}
            assert (check.code, check.columns) not in left, remedy.label


def test_the_only_column_and_a_date_with_a_trend_are_no_leaks(settings):
    level = np.arange(N) * 0.1 + np.random.default_rng(0).normal(size=N)
    day = pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 1, 1) + pl.duration(days=N - 1), eager=True)
    noise = np.random.default_rng(1).normal(size=N)
    for name, columns in (("only", {"size": level}), ("dated", {"day": day, "noise": noise})):
        table = store_frame(pl.DataFrame(columns | {"y": level + noise * 0.1}), name=name, settings=settings)
        assert "WB103" not in {check.code for check in check_data(table, target="y")}


def test_every_check_has_a_case_and_a_number_of_its_own():
    assert len({info.code for info in CHECKS}) == len(CHECKS)
    needs_a_recipe = {"WB105"}  # see test_recipe_made_target
    assert {code for code, _, _ in CASES} | needs_a_recipe == {info.code for info in CHECKS}


def test_a_table_about_which_there_is_nothing_to_say_passes_all_checks(settings):
    assert check_data(table_of(base, settings), target="y") == []


@pytest.mark.parametrize("name", ["iris", "wine", "diabetes"])
def test_honest_samples_have_no_error_and_no_warning(settings, name):
    table = wb.sample(name)
    assert [check for check in check_data(table, target=table.target) if check.severity != "info"] == []


def test_titanic_has_the_lifeboat_in_front(settings):
    checks = check_data(wb.sample("titanic"), target="survived")
    assert (checks[0].code, checks[0].columns, checks[0].severity) == ("WB101", ("boat",), "error")
    assert wb.apply_remedy([], checks[0].remedies[0]) == (DropColumns(columns=("boat",)),)


def test_the_time_remedy_splits_by_time_and_reads_dates_first(settings):
    check = next(c for c in check_data(table_of(dated_text, settings), target="y") if c.code == "WB112")
    remedy = check.remedies[0]
    assert (remedy.split.by, remedy.split.column) == ("time", "day")
    assert [step.step for step in remedy.steps] == ["parse_dates"]


def test_a_split_by_time_that_loses_a_class_is_told(settings):
    rows = base(np.random.default_rng(0)) | {"year": list(range(N))}
    rows["y"] = ["old"] * 350 + ["new"] * 50
    table = store_frame(pl.DataFrame(rows), name="classes", settings=settings)
    split = SplitSpec(by="time", column="year", test=0.1, validation=0.1)
    check = next(c for c in check_data(table, target="y", split=split) if c.code == "WB113")
    assert check.message == "No training row is of class 'new' of y, split by year."


def test_an_unstratified_split_says_how_likely_a_class_is_lost(settings):
    rows = base(np.random.default_rng(0))
    rows["y"] = ["rare"] * 8 + rows["y"][8:]
    table = store_frame(pl.DataFrame(rows), name="rare", settings=settings)
    check = next(c for c in check_data(table, target="y", split=SplitSpec(stratify=False)) if c.code == "WB113")
    assert "Class 'rare' of y has 8 rows; a split that isn't stratified leaves the test part" in check.message
    assert check_data(table, target="y", split=check.remedies[0].split) != []


def test_a_remedy_takes_its_place_and_leaves_no_step_that_contradicts_it():
    steps = (
        Impute(columns=("age",)),
        OneHot(columns=("city", "sex")),
        Standardize(columns=("age", "id")),
    )
    dropped = apply_remedy(steps, Remedy("", (DropColumns(columns=("id", "city")),)))
    assert [step.step for step in dropped] == ["drop_columns", "impute", "one_hot", "standardize"]
    assert [step.columns for step in dropped][2:] == [("sex",), ("age",)]
    assert apply_remedy(dropped, Remedy("", (DropDuplicates(),)))[0] == DropDuplicates()
    again = apply_remedy(dropped, Remedy("", (DropColumns(columns=("sex",)),)))
    assert [step.columns for step in again] == [("id", "city", "sex"), ("age",), ("age",)]
    assert apply_remedy(steps, Remedy("", None, SplitSpec(by="time", column="day"))) == steps


def test_a_large_table_is_looked_at_in_a_stated_sample(settings, monkeypatch):
    from workbench.recipe import examined

    monkeypatch.setattr(examined, "MAX_ROWS", 200)
    monkeypatch.setattr(examined, "SAMPLE_ROWS", 150)
    found = {check.code: check for check in check_data(table_of(leak, settings), target="y")}
    assert found["WB101"].message.endswith("(seen in a sample of 150 of 400 rows).")
    many = next(c for c in check_data(table_of(duplicated, settings), target="y") if c.code == "WB111")
    assert many.message.startswith("100 of 400 rows equal an earlier one;")


def test_steps_that_do_not_fit_the_table_do_not_stop_the_checks(settings):
    steps = (DropColumns(columns=("gone",)),)
    assert {check.code for check in check_data(table_of(leak, settings), target="y", steps=steps)} == {"WB101"}


def test_an_unknown_target_is_refused(settings):
    with pytest.raises(TargetError, match="Got target 'z'"):
        check_data(table_of(base, settings), target="z")


@pytest.mark.large
def test_the_known_leaks_of_public_data_are_found(settings, large_data):
    found = {}
    for name, target in (
        ("titanic3.csv", "survived"),
        ("bank_full.csv.gz", "y"),
        ("bank_additional_full.csv.gz", "y"),
        ("bike_sharing_hour.csv.gz", "cnt"),
    ):
        table = wb.read_table(large_data / name, settings=settings)
        for check in check_data(table, target=target):
            found.setdefault((name, check.code), []).append(check.columns)
    assert found["titanic3.csv", "WB101"] == [("boat",)]
    assert ("body",) in found["titanic3.csv", "WB103"]
    assert found["bank_full.csv.gz", "WB103"] == found["bank_additional_full.csv.gz", "WB103"] == [("duration",)]
    assert found["bike_sharing_hour.csv.gz", "WB102"] == [("casual", "registered")]
    assert ("bank_full.csv.gz", "WB101") not in found
