"""What a run decides before it learns: rows, parts, and which columns may be features."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import polars as pl
import pytest

from workbench.data import Table, store_frame
from workbench.errors import RecipeError, SplitError, TargetError
from workbench.export import as_code, as_notebook, as_script, spec_from_notebook
from workbench.settings import Settings
from workbench.training.learning import make_ready
from workbench.training.pipeline import run_pipeline
from workbench.training.preparing import Preparation, prepare_rows
from workbench.training.progress import Progress
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, write_state

QUICK = {"name": "hist_gradient_boosting", "params": {"max_iter": 3}}
N = 120


def rows() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    days = [date(2024, 1, 1) + timedelta(days=int(day)) for day in rng.permutation(N)]
    return pl.DataFrame(
        {
            "x": x,
            "customer": [f"c{place % 30}" for place in range(N)],
            "day": days,
            "written": [day.strftime("%d.%m.%Y") for day in days],
            "part": rng.choice(["train", "Train", "VAL", "test"], N),
            "is_test": rng.integers(0, 2, N),
            "y": np.where(x + rng.normal(size=N) > 0, "yes", "no"),
        }
    )


def spec(table: Table, target: str = "y", **changes: Any) -> RunSpec:
    document = {"data": {"source": table.short_digest, "target": target}, "estimator": QUICK}
    return RunSpec.parse(document | changes)


def prepared(settings: Settings, *columns: str, **changes: Any) -> Preparation:
    """Prepare a run on some columns of the rows."""
    table = store_frame(rows().select("x", *columns, "y"), name="made", settings=settings)
    return prepare_rows(spec(table, **changes), table, settings)


def drop(*columns: str) -> dict[str, Any]:
    return {"step": "drop_columns", "columns": list(columns)}


def run_here(spec: RunSpec, folder: Path, settings: Settings) -> Progress:
    folder.mkdir(parents=True)
    write_state(folder, RunState(status="queued", created=time.time()))
    progress = Progress(folder)
    assert run_pipeline(spec, folder, progress=progress, settings=settings)[0] == "finished"
    return progress


def test_a_part_column_decides_the_parts_and_is_never_a_feature(settings: Settings, tmp_path: Path) -> None:
    found = prepared(settings, "part", split={"by": "column", "column": "part"})
    words = found.decided["part"].cast(pl.String).str.to_lowercase()
    assert words[found.split.train].unique().to_list() == ["train"]
    assert words[found.split.validation].unique().to_list() == ["val"]
    assert words[found.split.test].unique().to_list() == ["test"]
    assert make_ready(found, found.split).recipe.feature_names == ["x"]
    run_here(found.spec, tmp_path / "run", settings)
    signature = json.loads((tmp_path / "run" / "package" / "signature.json").read_text())
    assert [column["name"] for column in signature["columns"]] == ["x"]


def test_words_for_the_parts_may_be_computed_in_the_recipe(settings: Settings) -> None:
    recipe = [{"step": "calculate", "name": "which", "expression": "if_else(is_test == 1, 'test', 'train')"}]
    found = prepared(settings, "is_test", recipe=recipe, split={"by": "column", "column": "which"})
    is_test = found.raw(np.arange(N))["is_test"].to_numpy()
    assert found.split.test.tolist() == np.flatnonzero(is_test).tolist()
    assert "which" not in make_ready(found, found.split).recipe.feature_names


def test_a_group_column_may_be_dropped_from_the_model_and_still_divides_the_rows(settings: Settings) -> None:
    found = prepared(settings, "customer", recipe=[drop("customer")], split={"by": "group", "column": "customer"})
    parts = [set(found.decided["customer"][part]) for part in found.split.parts().values()]
    assert sum(map(len, parts)) == 30
    assert make_ready(found, found.split).recipe.feature_names == ["x"]


def test_a_group_column_that_is_a_feature_is_a_warning_in_the_log(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = [{"step": "ordinal", "columns": ["customer"]}]
    found = prepared(settings, "customer", recipe=recipe, split={"by": "group", "column": "customer"})
    with caplog.at_level(logging.INFO, logger="workbench.training"):
        run_here(found.spec, tmp_path / "run", settings)
    assert "Warning: the group column 'customer' is also a feature" in caplog.text
    assert "drop_columns, columns [customer]" in caplog.text


def test_a_time_split_takes_dates_that_a_step_parses_and_another_takes_apart(settings: Settings) -> None:
    recipe = [
        {"step": "parse_dates", "columns": ["written"], "format": "%d.%m.%Y"},
        {"step": "date_parts", "columns": ["written"], "parts": ["month", "day"]},
    ]
    found = prepared(settings, "written", recipe=recipe, split={"by": "time", "column": "written"})
    train, validation, test = (found.decided["written"][part] for part in found.split.parts().values())
    assert train.max() < validation.min() <= validation.max() < test.min()
    assert make_ready(found, found.split).recipe.feature_names == ["x", "written_month", "written_day"]


def test_a_time_split_of_text_is_told_which_step_it_needs(settings: Settings) -> None:
    with pytest.raises(SplitError, match=r"Add the step parse_dates with columns \[written\] first"):
        prepared(settings, "written", recipe=[drop("written")], split={"by": "time", "column": "written"})


def test_a_split_column_may_be_renamed(settings: Settings) -> None:
    recipe = [{"step": "rename", "names": {"customer": "client"}}, drop("client")]
    for name in ("customer", "client"):
        found = prepared(settings, "customer", recipe=recipe, split={"by": "group", "column": name})
        assert found.decided.columns == ["y", "client"]


def test_a_split_column_that_is_absent_offers_the_nearest(settings: Settings) -> None:
    with pytest.raises(SplitError, match=r"by group of column 'custmer'.* Did you mean 'customer'\?"):
        prepared(settings, "customer", recipe=[drop("customer")], split={"by": "group", "column": "custmer"})


def test_a_regression_is_not_balanced(settings: Settings) -> None:
    with pytest.raises(RecipeError, match=r"Step 1 \(balance\): got a regression"):
        table = store_frame(rows().select("x", "is_test"), name="made", settings=settings)
        prepare_rows(spec(table, "x", recipe=[{"step": "balance"}]), table, settings)


def test_a_target_that_a_step_cleans_is_learned_clean(settings: Settings, tmp_path: Path) -> None:
    frame = rows().select("x", y=pl.col("y") + pl.Series(["", "."] * (N // 2)))
    table = store_frame(frame, name="made", settings=settings)
    assert prepare_rows(spec(table), table, settings).classes == ["no", "no.", "yes", "yes."]
    recipe = [{"step": "clean_text", "columns": ["y"], "operations": ["strip", "strip_full_stop"]}]
    cleaned = spec(table, recipe=recipe)
    assert prepare_rows(cleaned, table, settings).classes == ["no", "yes"]
    run_here(cleaned, tmp_path / "run", settings)
    predictions = pl.read_parquet(tmp_path / "run" / "report" / "predictions.parquet")
    assert set(predictions["y_true"]) == {"no", "yes"}


def test_huge_targets_are_left_out_by_the_step_that_the_message_names(settings: Settings) -> None:
    frame = rows().select("x", y=pl.Series([-1e39, 1e300] + [float(place) / 7 for place in range(N - 2)]))
    table = store_frame(frame, name="made", settings=settings)
    with pytest.raises(TargetError, match=r"infinite or beyond .* drop_missing with columns \[y\]"):
        prepare_rows(spec(table), table, settings)
    found = prepare_rows(spec(table, recipe=[{"step": "drop_missing", "columns": ["y"]}]), table, settings)
    assert len(found.positions) == N - 2


# A given test file: rows of two tables, joined


def pair(settings: Settings, train: pl.DataFrame, test: pl.DataFrame) -> Table:
    origin = {"kind": "pair", "train": "a", "test": "b", "n_train_rows": train.height}
    return store_frame(pl.concat([train, test]), name="pair", origin=origin, settings=settings)


def test_the_rows_of_a_test_file_are_the_test_rows(settings: Settings) -> None:
    frame = rows().select("x", "y")
    table = pair(settings, frame[:90], frame[90:])
    found = prepare_rows(spec(table), table, settings)
    assert found.positions[found.split.test].tolist() == list(range(90, 120))
    assert len(found.split.validation) == 18
    turned = prepare_rows(spec(table, recipe=[{"step": "sort", "columns": ["x"]}]), table, settings)
    assert sorted(turned.positions[turned.split.test].tolist()) == list(range(90, 120))
    folds = prepare_rows(spec(table, split={"folds": 3}), table, settings).folds
    assert [fold.test.tolist() for fold in folds] == [list(range(90, 120))] * 3


def test_a_test_file_that_writes_its_classes_otherwise_is_told_the_step(settings: Settings) -> None:
    frame = rows().select("x", "y")
    table = pair(settings, frame[:90], frame[90:].with_columns(pl.col("y") + "."))
    with pytest.raises(SplitError, match=r"writes '\w+\.' for '\w+'.* clean_text with columns \[y\] and operations"):
        prepare_rows(spec(table), table, settings)
    recipe = [{"step": "clean_text", "columns": ["y"], "operations": ["strip", "strip_full_stop"]}]
    assert prepare_rows(spec(table, recipe=recipe), table, settings).classes == ["no", "yes"]


def test_classes_that_only_the_test_file_has_are_noted(settings: Settings) -> None:
    frame = rows().select("x", "y")
    test = frame[90:].with_columns(y=pl.Series(["maybe"] * 4 + ["yes"] * 26))
    table = pair(settings, frame[:90], test)
    found = prepare_rows(spec(table), table, settings)
    assert "4 test rows are of classes that no training row has ('maybe' for one)" in found.notes[0]


# Documents


DOCUMENTS = [
    {"data": {"source": "a.csv", "target": "y", "test_source": "b.csv"}, "split": {"validation": 0.1}},
    {
        "data": {
            "source": "a.csv",
            "target": "y",
            "reader": {
                "delimiter": ";", "decimal": ",", "thousands": ".", "missing": ["-", "n. a."], "header_line": 2,
                "types": {"zip": "text"}, "encoding": "cp1252",
            },
        },
    },
    {"data": {"source": "book.xlsx", "target": "y", "reader": {"sheet": 'It\'s "Q1"'}}},
    {"split": {"by": "group", "column": "customer no.", "folds": 5}},
    {"split": {"by": "column", "column": "part"}},
    {"recipe": [{"step": "balance", "method": "oversample", "seed": 3}], "split": {"folds": 3, "stratify": False}},
]  # fmt: skip


@pytest.mark.parametrize("changes", DOCUMENTS)
def test_documents_come_back_from_yaml_json_scripts_and_notebooks(changes: dict[str, Any]) -> None:
    document = {"data": {"source": "a.csv", "target": "y"}, "estimator": QUICK} | changes
    spec = RunSpec.parse(document)
    assert RunSpec.from_yaml(spec.to_yaml()) == spec
    assert RunSpec.from_yaml(spec.to_json()) == spec
    assert spec_from_notebook(nbformat.reads(nbformat.writes(as_notebook(spec)), as_version=4)) == spec
    names: dict[str, Any] = {}
    script = as_script(spec)
    start = script.index("spec = ")
    end = script.index('""")', start) + 4 if script[start:].startswith("spec = wb.RunSpec.from_yaml") else None
    exec("import workbench as wb\n" + script[start:end].split("\n\n")[0], names)
    assert names["spec"] == spec


def test_code_of_a_run_with_a_test_file_and_folds_does_what_it_says(settings: Settings, tmp_path: Path) -> None:
    frame = rows().select("x", "y")
    for name, part in (("train", frame[:90]), ("test", frame[90:])):
        part.write_csv(tmp_path / f"{name}.csv", separator=";")
    data = {
        "source": str(tmp_path / "train.csv"), "test_source": str(tmp_path / "test.csv"), "target": "y",
        "task": "classification", "reader": {"delimiter": ";"},
    }  # fmt: skip
    spec = RunSpec.parse({"data": data, "split": {"folds": 2}, "estimator": QUICK})
    for page in ("data", "prepare", "evaluate"):
        names: dict[str, Any] = {}
        exec(compile(as_code(spec, page), page, "exec"), names)
        assert names["spec"] == spec
        assert page == "evaluate" or names["table"].n_rows == 120
    assert names["run"].status == "finished"
    assert names["report"].n_folds == 2
    assert names["run"].unseen_rows(3)["x"].to_list() == pytest.approx(frame["x"][90:93].to_list())


def test_a_package_carries_the_whole_document(settings: Settings, tmp_path: Path) -> None:
    found = prepared(
        settings, "customer", recipe=[drop("customer")], split={"by": "group", "column": "customer", "folds": 2}
    )
    run_here(found.spec, tmp_path / "run", replace(settings))
    carried = json.loads((tmp_path / "run" / "package" / "spec.json").read_text())
    assert RunSpec.parse(carried) == found.spec


def test_a_parameter_that_does_nothing_in_the_task_is_named(settings: Settings) -> None:
    table = store_frame(rows().select("x", y=pl.col("x") * 2), name="made", settings=settings)
    forest = {"name": "random_forest", "params": {"class_weight": "balanced", "n_estimators": 10}}
    notes = prepare_rows(spec(table, estimator=forest), table, settings).notes
    assert notes == ("'class_weight' has no effect in a regression, and can be left out.",)
    assert prepared(settings, estimator=forest).notes == ()
