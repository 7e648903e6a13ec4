"""Pictures of tables, evaluations and explanations: right numbers, stated counts, no crash on the odd case."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from workbench import plots
from workbench.data.associations import associations
from workbench.plots.theme import TEMPLATE, figure, number, sample_rows, spread, thin_line


def _shap(n=50, missing=True):
    rng = np.random.default_rng(0)
    age = [None if missing and i % 7 == 0 else float(v) for i, v in enumerate(rng.normal(30, 10, n))]
    rows = [
        {
            "row": i,
            "column": "age",
            "value": "missing" if a is None else f"{a:.0f}",
            "number": a,
            "shap_value": 0.0 if a is None else a / 100,
        }
        for i, a in enumerate(age)
    ]
    rows += [
        {
            "row": i,
            "column": "sex",
            "value": "male" if i % 2 else "female",
            "number": None,
            "shap_value": 0.2 if i % 2 else -0.2,
        }
        for i in range(n)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def test_importing_plots_brings_no_heavy_library():
    heavy = ("pandas", "sklearn", "shap", "tensorflow", "streamlit")
    code = f"import sys, workbench.plots; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_every_picture_is_clear_behind_and_has_words():
    for fig in (plots.beeswarm(_shap()), plots.split_picture({"train": 6, "test": 4}), plots.empty("nothing yet")):
        assert fig.layout.template.layout.paper_bgcolor == TEMPLATE.layout.paper_bgcolor == "rgba(0, 0, 0, 0)"
        assert fig.layout.meta["alt"]


def test_histogram_counts_its_rows_and_missing_values():
    fig = plots.histogram(
        pl.DataFrame({"left": [0.0, 1.0], "right": [1.0, 2.0], "count": [3, 5]}), column="age", n_missing=2
    )
    assert "8 rows · 2 missing" in fig.layout.meta["alt"]
    assert list(fig.data[0].width) == [1.0, 1.0]


def test_rare_categories_become_one_bar_that_says_how_many():
    frame = pl.DataFrame({"value": [None, *[f"v{i}" for i in range(30)]], "count": [50, *range(30, 0, -1)]})
    fig = plots.category_bars(frame, column="port", max_bars=5)
    assert list(fig.layout.yaxis.ticktext) == ["missing", "v0", "v1", "v2", "v3", "26 other values"]
    assert sum(fig.data[0].x) == frame["count"].sum()


def test_missing_values_none_is_said_in_words():
    assert (
        plots.missing_bars(pl.DataFrame({"column": ["a"], "n_missing": [0]}), n_rows=9).layout.meta["alt"]
        == "No column has missing values (9 rows)."
    )
    fig = plots.missing_bars(pl.DataFrame({"column": ["a", "b"], "n_missing": [1, 3]}), n_rows=4)
    assert list(fig.data[0].y) == ["b", "a"]


def test_correlation_fills_both_halves():
    fig = plots.correlation(pl.DataFrame({"column_a": ["x"], "column_b": ["y"], "value": [0.5]}))
    z = np.asarray(fig.data[0].z, dtype=float)
    assert z[0, 1] == z[1, 0] == 0.5
    assert np.isnan(z[0, 0])


def test_confusion_keeps_the_order_of_the_classes():
    frame = pl.DataFrame(
        {
            "actual": ["b", "b", "a", "a"],
            "predicted": ["b", "a"] * 2,
            "count": [5, 1, 0, 0],
            "share": [5 / 6, 1 / 6, None, None],
        }
    )
    fig = plots.confusion(frame, target="t")
    assert list(fig.layout.xaxis.ticktext) == ["b", "a"]
    assert "5 of 6 rows on the diagonal" in fig.layout.meta["alt"]


def test_a_big_scatter_says_how_many_rows_it_draws():
    n = 12_000
    y = np.linspace(0, 1, n)
    frame = pl.DataFrame({"row": np.arange(n), "y_true": y, "prediction": y, "residual": np.zeros(n)})
    fig = plots.residuals(frame, target="price")
    assert "5,000 of 12,000 rows drawn" in fig.layout.title.subtitle.text
    assert len(fig.data[0].x) == 5_000
    assert "no rows" in plots.predicted(frame.clear(), target="price").layout.meta["alt"]


def test_metric_bars_draw_intervals_where_known():
    frame = pl.DataFrame({"name": ["a", "b"], "value": [0.8, 0.9], "low": [0.7, None], "high": [0.85, None]})
    assert list(plots.metric_bars(frame, metric="accuracy").data[0].error_x.arrayminus) == pytest.approx([0.1, 0.0])


def test_waterfall_ends_at_the_prediction_and_sums_small_columns():
    frame = pl.DataFrame(
        {"column": [f"c{i}" for i in range(14)], "value": ["1"] * 14, "shap_value": np.linspace(0.14, 0.01, 14)}
    )
    fig = plots.waterfall(frame, base_value=0.2, output="probability of yes", max_columns=10)
    bar = fig.data[0]
    assert fig.layout.yaxis.ticktext[-1] == "4 other columns"
    assert bar.base[0] + bar.x[0] == pytest.approx(0.2 + frame["shap_value"].sum())
    assert bar.base[-1] == pytest.approx(0.2)
    assert set(bar.marker.color) == {"#D55E00"}
    assert plots.waterfall(frame.head(11), base_value=0.0).layout.yaxis.ticktext[-1] == "c10 = 1"
    assert "Strongest: none" in plots.waterfall(frame.clear(), base_value=0.2).layout.meta["alt"]


def test_beeswarm_ranks_columns_and_states_sampled_rows():
    fig = plots.beeswarm(_shap(100), max_points=20)
    assert list(fig.layout.yaxis.ticktext) == ["age", "sex"] or list(fig.layout.yaxis.ticktext) == ["sex", "age"]
    assert "20 of 100 rows drawn" in fig.layout.meta["alt"]
    assert [note.text for note in fig.layout.annotations] == ["female", "male"]


def test_dependence_shows_missing_at_the_left_and_categories_as_strips():
    numbers = plots.dependence(_shap().filter(pl.col("column") == "age"), column="age")
    assert numbers.layout.annotations[0].text == "missing"
    assert max(numbers.data[1].x) < min(numbers.data[0].x)
    strips = plots.dependence(_shap().filter(pl.col("column") == "sex"), column="sex")
    assert sorted(strips.layout.xaxis.ticktext) == ["female<br>25", "male<br>25"]


@pytest.mark.parametrize("kind", ["beeswarm", "dependence", "importance"])
def test_nothing_to_draw_is_said(kind):
    frame = (
        _shap().clear()
        if kind != "importance"
        else pl.DataFrame(schema={"column": pl.String, "mean_abs_shap": pl.Float64})
    )
    extra = {"column": "age"} if kind == "dependence" else {}
    assert "to explain" in getattr(plots, kind)(frame, **extra).layout.meta["alt"]


def test_one_row_and_one_value_draw():
    one = _shap(1, missing=False).filter(pl.col("column") == "age")
    assert plots.beeswarm(one).data
    assert plots.dependence(one, column="age").data
    all_missing = one.with_columns(number=pl.lit(None, dtype=pl.Float64), value=pl.lit("missing"))
    assert plots.dependence(all_missing, column="age").layout.xaxis.ticktext == ("missing<br>1",)


def test_importance_stacks_outputs_in_class_colours():
    frame = pl.DataFrame(
        {"column": ["a", "b"] * 2, "mean_abs_shap": [1.0, 2.0, 3.0, 0.5], "output": ["x", "x", "y", "y"]}
    )
    fig = plots.importance(frame)
    assert [bar.marker.color for bar in fig.data] == [plots.class_color(0), plots.class_color(1)]
    assert list(fig.data[0].y) == ["a", "b"]


def test_helpers_keep_extremes_gaps_and_samples():
    y = np.zeros(10_000)
    y[777] = 1.0
    assert 777 in thin_line(np.arange(10_000), y, 100)
    assert len(sample_rows(10_000, 50)) == 50
    assert (sample_rows(10_000, 50) == sample_rows(10_000, 50)).all()
    placed = spread([1.0, 1.0, 1.0, 90.0], gap=10)
    assert min(np.diff(sorted(placed))) >= 10 - 1e-9
    assert number(float("nan")) == "missing"


def test_folds_are_one_bar_each_with_their_validation_rows_said():
    frame = pl.DataFrame(
        {"fold": [1, 1, 1, 2, 2, 2], "part": ["validation", "train", "test"] + ["train", "validation", "unused"],
         "n_rows": [3, 4, 2, 3, 4, 2]}
    )  # fmt: skip
    fig = plots.folds_picture(frame, how="by time")
    assert "2 folds of 9 rows; validation rows: 3, 4" in fig.layout.meta["alt"]
    assert [list(bar.y) for bar in fig.data] == [["fold 1"]] * 3 + [["fold 2"]] * 3
    assert "by time" in fig.layout.xaxis.title.text


LONG = ["Apartment with balcony and garage", "Apartment with balcony and garden", "Terraced house", "Farm building"]


def test_long_class_names_leave_the_confusion_matrix_room_and_stay_different():
    pairs = [(a, b) for a in LONG for b in LONG]
    frame = pl.DataFrame(
        {
            "actual": [a for a, _ in pairs],
            "predicted": [b for _, b in pairs],
            "count": [7 if a == b else 1 for a, b in pairs],
            "share": [0.7 if a == b else 0.1 for a, b in pairs],
        }
    )
    fig = plots.confusion(frame, target="kind")
    labels = list(fig.layout.xaxis.ticktext)
    assert len(set(labels)) == 4 and max(map(len, labels)) <= 20
    assert list(fig.layout.yaxis.ticktext) == labels and fig.layout.xaxis.tickangle == -45
    assert fig.data[0].customdata[0, 1, 0] == LONG[1]  # whole when one points at it


def test_a_legend_of_long_names_takes_nothing_from_the_curves():
    points = {"threshold": [0.5, 0.1], "false_positive_rate": [0.0, 1.0], "true_positive_rate": [0.0, 1.0]}
    rooms = []
    for names in (["a", "b", "c", "d"], LONG):
        frame = pl.concat([pl.DataFrame({"class": [name] * 2, **points}) for name in names])
        layout = plots.roc(frame, target="kind").layout
        rooms.append(layout.height - layout.margin.b - layout.margin.t)
    assert rooms[0] == rooms[1]


def test_a_long_subtitle_is_broken_and_not_cut():
    frame = pl.DataFrame({"column": ["a"], "value": ["1"], "shap_value": [0.25]})
    said = {"title": "Row 0", "output": "probability"}
    one = plots.waterfall(frame, base_value=0.5, subtitle="probability of survived", **said)
    long = plots.waterfall(
        frame, base_value=0.5, subtitle="probability of species = Iris versicolor from Gaspé", **said
    )
    assert "<br>" not in one.layout.title.subtitle.text
    assert long.layout.title.subtitle.text.count("<br>") == 1
    assert long.layout.margin.t > one.layout.margin.t
    assert "<br>" in figure("a long title " * 8).layout.title.text


def wide(n: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    columns = {f"m_{i:03d}": rng.normal(size=200) + y * i / n for i in range(n)}
    return pl.DataFrame({**columns, "y": y})


def test_a_map_of_many_columns_draws_those_closest_to_the_target_and_says_so():
    found = associations(wide(130), first="y")
    assert found.n_beyond == 31 and "y" in found.columns and "m_129" in found.columns
    fig = found.plot()
    labels = list(fig.layout.xaxis.ticktext)
    assert len(labels) == 30 and labels[0] == "y" and "m_129" in labels[:12]
    assert "30 of 131 columns drawn, those closest to y" in fig.layout.title.subtitle.text.replace("<br>", " ")
    few = associations(wide(4), first="y").plot()
    assert list(few.layout.xaxis.ticktext)[0] == "y" and "drawn" not in few.layout.title.subtitle.text
    nobody = associations(wide(40)).plot()
    assert len(nobody.layout.xaxis.ticktext) == 30
    assert "that go together most closely" in nobody.layout.title.subtitle.text.replace("<br>", " ")
