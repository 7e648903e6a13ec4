"""Moments with a time zone: reckoned by the clocks of their column, alike in every entrance."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import onnxruntime
import openpyxl
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench import registry
from workbench.data import read_table
from workbench.data.encoding import to_arrays
from workbench.data.table import describe_columns
from workbench.data.zones import moment_of, moment_second, moment_seconds, offsets_of, wall_clock, wall_clock_seconds
from workbench.errors import InputError, RecipeError
from workbench.estimators import build_sklearn, wrap_model
from workbench.graph import GraphBuilder
from workbench.package import Signature, build_package, load_native, load_predictor, make_signature
from workbench.package.mlmodel import FILE as MLMODEL
from workbench.recipe import apply_column_steps, apply_row_steps, fit_recipe
from workbench.recipe.entering import Entry
from workbench.recipe.expressions import parse
from workbench.recipe.spec import Calculate, DateParts, DropColumns, Filter, OneHot, ParseDates, Rename
from workbench.recipe.suggesting import _all_at_midnight
from workbench.service import create_app
from workbench.settings import Settings

BERLIN = "Europe/Berlin"
DAYLIGHT = [
    datetime(2024, 3, 31, 0, 30),  # before the hour that clocks skip
    datetime(2024, 3, 31, 1, 0),
    datetime(2024, 10, 27, 0, 30),  # 02:30 for the first time
    datetime(2024, 10, 27, 1, 30),  # and for the second
    datetime(2024, 6, 30, 22, 30),  # 00:30 on 1 July
]


def in_zone(moments, zone=BERLIN, name="t"):
    return pl.Series(name, moments, dtype=pl.Datetime("us")).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


def computed(expression, frame):
    return frame.select(parse(expression, frame.schema).alias("x"))["x"].to_list()


@pytest.mark.parametrize(
    "zone", [BERLIN, "America/New_York", "Asia/Kolkata", "Etc/GMT-2", "UTC", "Australia/Lord_Howe"]
)
def test_polars_numpy_and_python_reckon_alike_around_every_change(zone):
    changes = offsets_of(zone)[0].astype(int)
    seconds = np.unique(np.concatenate([[0, 1_719_786_600], *(changes[-80:] + d for d in (-3601, -1, 0, 1799, 3600))]))
    frame = pl.DataFrame({"t": pl.Series(seconds * 1_000_000).cast(pl.Datetime("us"))})
    shown = frame.select(wall_clock(pl.col("t"), zone)).to_series().cast(pl.Int64).to_numpy() // 1_000_000
    back = frame.select(moment_of(pl.col("t"), zone)).to_series().cast(pl.Int64).to_numpy() // 1_000_000
    python = [datetime.fromtimestamp(s, UTC).replace(tzinfo=ZoneInfo(zone)).timestamp() for s in seconds.tolist()]
    assert shown.tolist() == wall_clock_seconds(seconds.astype(float), zone).tolist()
    assert back.tolist() == moment_seconds(seconds.astype(float), zone).tolist() == python
    assert [moment_second(float(s), zone) for s in seconds] == python


def test_parts_of_a_date_are_those_that_the_clocks_of_its_zone_show():
    frame = pl.DataFrame([in_zone(DAYLIGHT)])
    assert computed("hour(t)", frame) == [1, 3, 2, 2, 0]
    assert computed("day(t)", frame)[-1] == 1
    assert computed("month(t)", frame)[-1] == 7
    assert computed("seconds_since_1970(t)", frame) == [m.replace(tzinfo=UTC).timestamp() for m in DAYLIGHT]
    parts = apply_column_steps(frame, [DateParts(columns=("t",), parts=("day", "hour"))])
    assert parts.row(-1) == (1, 0)


def test_a_quoted_date_is_a_time_of_the_zone():
    frame = pl.DataFrame([in_zone(DAYLIGHT)])
    assert computed("t >= '2024-07-01'", frame)[-1] is True
    assert computed("t >= '2024-07-01T00:30:00Z'", frame)[-1] is False
    assert computed("t == '2024-07-01 00:30'", frame) == [False] * 4 + [True]
    assert computed("t == '2024-10-27 02:30'", frame) == [False, False, True, False, False]  # the first of the two
    assert computed("t == '2024-03-31 02:00'", frame) == [False, True, False, False, False]  # clocks skipped it
    assert computed("days_between(t, '2024-07-01')", frame)[-1] == pytest.approx(0.5 / 24)
    assert computed("hour(max(t, '2024-07-01 09:00'))", frame)[-1] == 9
    assert apply_row_steps(frame, [Filter(expression="t >= '2024-07-01'")]).height == 3


def test_a_date_without_a_zone_beside_one_with_a_zone_is_read_in_it():
    frame = pl.DataFrame(
        [in_zone(DAYLIGHT), pl.Series("booked", [datetime(2024, 7, 1)] * 5), pl.Series("day", [date(2024, 7, 1)] * 5)]
    )
    for name in ("booked", "day"):
        assert computed(f"t >= {name}", frame)[-1] is True
        assert computed(f"days_between(t, {name})", frame)[-1] == pytest.approx(0.5 / 24)
    other = pl.DataFrame([in_zone(DAYLIGHT), in_zone(DAYLIGHT, "America/New_York", "u")])
    assert computed("t == u", other) == [True] * 5  # one moment, however it is shown


def test_the_zone_goes_on_through_steps():
    frame = pl.DataFrame([in_zone(DAYLIGHT)])
    steps = [
        Rename(names={"t": "seen"}),
        Calculate(name="later", expression="if_else(hour(seen) == 0, seen, '2024-01-01')"),
        DateParts(columns=("later",), parts=("hour",)),
    ]
    assert apply_column_steps(frame, steps)["later_hour"].to_list() == [0] * 5
    entry = Entry.of(frame, steps, "y")
    assert entry.zones == {"t": BERLIN}
    assert Entry.from_dict(json.loads(json.dumps(entry.to_dict()))).zones == {"t": BERLIN}


def test_a_step_gives_text_and_times_the_zone_that_they_mean():
    said = ["2024-06-30T22:30Z", "2024-07-01T00:30+02:00", "2024-07-01 00:30", "01.07.2024 00:30", None]
    frame = pl.DataFrame({"t": said, "naive": [datetime(2024, 7, 1, 0, 30)] * 5}).with_columns(
        in_zone([DAYLIGHT[-1]] * 5, "UTC", "utc")
    )
    zone = ParseDates(columns=("t", "naive", "utc"), zone=BERLIN)
    steps = [zone, DateParts(columns=("t", "naive", "utc"), parts=("day", "hour"))]
    after = apply_column_steps(frame, steps)
    assert after.row(0) == after.row(1) == after.row(2) == (1, 0, 1, 0, 1, 0)
    assert after["t_day"].to_list() == [1, 1, 1, None, None]
    written = ParseDates(columns=("t",), format="%d.%m.%Y %H:%M", zone=BERLIN)
    seconds = DateParts(columns=("t",), parts=("seconds_since_1970",))
    assert apply_column_steps(frame, [written, seconds])["t_seconds_since_1970"][3] == 1_719_786_600
    with pytest.raises(RecipeError, match=r"no time zone 'Europe/Berlinn'. Did you mean 'Europe/Berlin'"):
        apply_column_steps(frame, [ParseDates(columns=("t",), zone="Europe/Berlinn")])
    with pytest.raises(RecipeError, match="holds dates already"):
        apply_column_steps(frame, [ParseDates(columns=("utc",))])


def test_the_step_that_sets_a_zone_has_a_graph():
    frame = pl.DataFrame([in_zone(DAYLIGHT, "UTC", "utc"), pl.Series("naive", DAYLIGHT)]).with_columns(
        y=pl.Series([0, 1] * 2 + [0])
    )
    zone = ParseDates(columns=("utc", "naive"), zone=BERLIN)
    steps = [zone, Calculate(name="passed", expression="days_between(utc, naive)"), DateParts(columns=("utc", "naive"))]
    recipe = fit_recipe(steps, frame, target="y")
    assert not recipe.needs_frame
    graph = GraphBuilder()
    inputs = {name: graph.input(name, "number") for name in recipe.input_columns}
    graph.output("features", recipe.emit(graph, inputs), "double", [None, recipe.n_features])
    session = onnxruntime.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    answers = session.run(None, to_arrays(frame, recipe.input_columns))[0]
    np.testing.assert_array_equal(answers, recipe.transform(frame))


def test_the_suggestion_looks_at_the_hours_of_the_zone():
    midnights = [datetime(2024, 6, day, 22) for day in range(1, 9)]
    assert _all_at_midnight(in_zone(midnights))
    assert not _all_at_midnight(in_zone(midnights, "UTC"))


def test_a_fitted_recipe_reads_rows_without_a_zone_in_the_columns_own():
    frame = pl.DataFrame([in_zone(DAYLIGHT)]).with_columns(y=pl.Series([0, 1, 0, 1, 0]))
    recipe = fit_recipe([DateParts(columns=("t",), parts=("day", "hour"))], frame, target="y")
    local = frame.with_columns(pl.col("t").dt.replace_time_zone(None))
    assert recipe.transform(local)[[0, 1, 2, 4]].tolist() == recipe.transform(frame)[[0, 1, 2, 4]].tolist()
    elsewhere = frame.with_columns(pl.col("t").dt.convert_time_zone("Asia/Tokyo").cast(pl.Datetime("ns", "Asia/Tokyo")))
    assert recipe.transform(elsewhere).tolist() == recipe.transform(frame).tolist()


def calls(n_rows=300):
    """Calls to a hotline, which is busy by the clocks of Berlin."""
    random = np.random.default_rng(0)
    hours = random.choice(366 * 24, n_rows, replace=False)
    moments = [datetime.fromtimestamp(1_704_067_200 + int(hour) * 3_600, UTC).replace(tzinfo=None) for hour in hours]
    frame = pl.DataFrame([in_zone(moments)]).with_columns(
        line=pl.Series(random.choice(["a", "b"], n_rows)),
        due=pl.Series([datetime(2024, 7, 1)] * n_rows),
    )
    busy = (frame["t"].dt.hour() >= 8) & (frame["t"].dt.hour() < 18)
    return frame.with_columns(busy=pl.when(busy).then(pl.lit("yes")).otherwise(pl.lit("no")))


GRAPH_STEPS = [
    Calculate(name="early", expression="t < '2024-07-01' or t < due"),
    Calculate(name="until", expression="days_between(due, t)"),
    DateParts(columns=("t",), parts=("month", "day", "weekday", "hour")),
    DropColumns(columns=("due",)),
    OneHot(columns=("line",)),
]
FRAME_STEPS = [Calculate(name="word", expression="upper(line)"), *GRAPH_STEPS, OneHot(columns=("word",))]


def build(folder, steps):
    frame = calls()
    recipe = fit_recipe(steps, frame, target="busy")
    X, y = recipe.transform(frame), (frame["busy"] == "yes").cast(pl.Int64).to_numpy()
    native = build_sklearn("decision_tree", {"max_depth": 4}, task="classification", seed=0).fit(X, y)
    model = wrap_model(native, "decision_tree", X, task="classification", classes=["no", "yes"])
    return build_package(
        folder,
        spec={"name": "calls", "recipe": [step.model_dump(mode="json") for step in steps], "seed": 1},
        recipe=recipe,
        model=model,
        signature=make_signature(recipe, frame, "busy", "classification", ["no", "yes"]),
        train=frame,
        evaluation=frame.head(100),
        metrics={},
        settings=Settings(),
    )


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zones")
    for name, steps in (("graph", GRAPH_STEPS), ("frame", FRAME_STEPS)):
        info = build(folder / name, steps)
        assert (info.engine, info.reason) == ("onnx", "")
    return folder


ASKED = ["2024-07-01T00:30", "2024-07-01 08:15:00", "2024-03-31T02:30", "2024-10-27T02:30", "2024-12-24", None]


def rows(values):
    return [{"t": value, "line": "a", "due": "2024-07-01"} for value in values]


@pytest.mark.parametrize("name", ["graph", "frame"])
def test_every_entrance_of_a_package_reckons_by_the_zone_of_the_column(packages, name):
    predictor, native = load_predictor(packages / name), load_native(packages / name)
    expected = [predictor.predict_frame([row]).row(0) for row in rows(ASKED)]
    moments = [None if text is None else datetime.fromisoformat(text) for text in ASKED]
    in_berlin = pl.Series("t", moments).dt.replace_time_zone(BERLIN, ambiguous="earliest", non_existent="null")
    typed = pl.DataFrame(rows(ASKED)).with_columns(t=in_berlin)
    naive = typed.with_columns(t=pl.Series(moments))
    keep = [0, 1, 3, 4]  # not the hour that clocks skipped, and not what is missing
    asked = {
        "local text": rows(ASKED),
        "columns": pl.DataFrame(rows(ASKED)).to_dict(as_series=False),
        "frame of text": pl.DataFrame(rows(ASKED)),
        "frame without a zone": naive,
        "pandas without a zone": naive.to_pandas(),
        "python": [{**row, "t": moment} for row, moment in zip(rows(ASKED), moments, strict=True)],
    }
    for how, given in asked.items():
        assert predictor.predict_frame(given).rows() == expected, how
        assert native.predict_frame(given).rows() == expected, how
    there = typed[keep]
    offsets = rows(there["t"].dt.convert_time_zone("America/New_York").dt.strftime("%Y-%m-%dT%H:%M:%S%:z").to_list())
    seconds = rows([moment.timestamp() for moment in there["t"]])
    zoned = {"offsets": offsets, "seconds": seconds, "frame": there, "pandas": there.to_pandas(),
             "elsewhere": there.with_columns(pl.col("t").dt.convert_time_zone("Asia/Tokyo"))}  # fmt: skip
    for how, given in zoned.items():
        assert predictor.predict_frame(given).rows() == [expected[place] for place in keep], how


def test_the_bare_graph_takes_seconds_in_utc_and_finds_the_hour_by_itself(packages):
    session = onnxruntime.InferenceSession(str(packages / "graph" / "model.onnx"), providers=["CPUExecutionProvider"])
    moments = [moment.replace(tzinfo=UTC).timestamp() for moment in DAYLIGHT] + [float("nan")]
    given = {"t": np.array(moments), "line": np.array(["a"] * 6, dtype=object), "due": np.full(6, 1_719_792_000.0)}
    answers = session.run(["probabilities"], given)[0]
    expected = load_predictor(packages / "graph").predict_proba(
        pl.DataFrame([in_zone([*DAYLIGHT, None])]).with_columns(line=pl.lit("a"), due=pl.lit(datetime(2024, 7, 1)))
    )
    np.testing.assert_array_equal(answers, expected)


def test_the_signature_says_the_zone(packages):
    signature = load_predictor(packages / "graph").signature
    assert signature.zones == {"t": BERLIN}
    column = signature.column("t")
    assert column.minimum.endswith(("+01:00", "+02:00"))
    document = json.loads((packages / "graph" / "signature.json").read_text())
    assert "seconds since 1970-01-01 UTC" in document["zone_note"]
    assert Signature.from_dict(document).zones == {"t": BERLIN}
    assert BERLIN in (packages / "graph" / MLMODEL).read_text()
    assert BERLIN in (packages / "graph" / "card.md").read_text()
    with pytest.raises(InputError, match="Europe/Berlin"):
        signature.check(rows(["noon"]))


def test_a_request_over_http_reckons_by_the_zone_of_the_column(packages, settings):
    registry.publish(packages / "graph", "calls", settings=settings)
    app = create_app(settings)

    def post(path, document=None):
        async def ask():
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await (client.get(path) if document is None else client.post(path, json=document))

        answer = asyncio.run(ask())
        assert answer.status_code == 200, answer.text
        return answer.json()

    expected = load_predictor(packages / "graph").predict_proba(rows(ASKED))
    plain = post("/predict/calls", {"rows": rows(ASKED)})["predictions"]
    assert [list(row["probability"].values()) for row in plain] == expected.tolist()
    tensors = [
        {"name": name, "shape": [6], "datatype": "BYTES", "data": [row[name] for row in rows(ASKED)]}
        for name in rows(ASKED)[0]
    ]
    outputs = post("/v2/models/calls/infer", {"inputs": tensors})["outputs"]
    assert next(output for output in outputs if output["name"] == "probabilities")["data"] == expected.ravel().tolist()
    assert post("/v2/models/calls")["parameters"]["zones"] == {"t": BERLIN}


def test_a_profile_and_a_schema_say_the_zone():
    from workbench.data import profile_table

    frame = pl.DataFrame([in_zone([datetime(2024, 6, 30, 22, minute) for minute in range(60)])])
    assert "Europe/Berlin" in describe_columns(frame)[0].dtype
    profile = profile_table(frame)
    assert profile.histograms["t"]["left"][0] == datetime(2024, 7, 1)
    assert profile.plot("t").layout.xaxis.title.text == "t (Europe/Berlin)"
    assert profile.frame()["min"][0] == "2024-07-01 00:00:00+02:00"


@pytest.mark.parametrize(
    ("offset", "zone"),
    [("+05:30", "Asia/Kolkata"), ("+02:00", "Etc/GMT-2"), ("-03:30", "UTC"), ("Asia/Tokyo", "Asia/Tokyo")],
)
def test_fixed_offsets_are_read_and_one_that_cannot_be_kept_is_told(offset, zone, tmp_path, settings):
    moments = pa.array([datetime(2024, 6, 30, 22, 30), None], type=pa.timestamp("us", tz=offset))
    table = pa.table({"t": moments, "y": [1, 2]})
    pq.write_table(table, tmp_path / "t.parquet")
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    for source in (tmp_path / "t.parquet", tmp_path / "t.arrow", table, table.to_pandas()):
        read = read_table(source, settings=settings)
        assert read.frame()["t"].to_physical().to_list() == [1_719_786_600_000_000, None]
        assert read.frame().schema["t"].time_zone == zone
        notes = read.origin.get("reader", {}).get("notes", [])
        assert ("-03:30" in " ".join(notes)) == (zone == "UTC")


def test_text_with_offsets_is_moments_in_utc_in_a_workbook_as_in_a_csv_file(tmp_path, settings):
    rows = [["t", "y"], ["2024-07-01T00:30:00+02:00", 1], ["2024-12-01T01:30:00+01:00", 2]]
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    (tmp_path / "t.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    for name in ("t.xlsx", "t.csv"):
        moments = read_table(tmp_path / name, settings=settings).frame()["t"]
        assert moments.to_list() == [
            datetime(2024, 6, 30, 22, 30, tzinfo=UTC),
            datetime(2024, 12, 1, 0, 30, tzinfo=UTC),
        ]
