"""Words and numbers that stand for a missing value: set by hand they act in every format, and marks are recognised."""

from __future__ import annotations

import io
import json
from datetime import date

import openpyxl
import polars as pl
import pytest

from workbench.data import read_table
from workbench.data.looking import look_at
from workbench.data.reading import parse_content
from workbench.data.spec import ReaderOptions
from workbench.data.streaming import LargeText, NextPassError
from workbench.data.texts import report_document

ROWS = pl.DataFrame(
    {"temp": [-999.0, 20.5, 21.0], "n": [-999, 1, 2], "state": ["-999", "on", "off"], "code": ["0", "-999.0", "1"]}
)


def _write(path, frame):
    if path.suffix == ".xlsx":
        made = openpyxl.Workbook()
        for row in (frame.columns, *frame.rows()):
            made.active.append(list(row))
        made.save(path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(frame.to_dicts()))
    else:
        {
            ".csv": frame.write_csv,
            ".ndjson": frame.write_ndjson,
            ".parquet": frame.write_parquet,
            ".arrow": frame.write_ipc,
        }[path.suffix](path)


@pytest.mark.parametrize("ending", ["csv", "json", "ndjson", "xlsx", "parquet", "arrow"])
def test_a_number_for_missing_acts_in_columns_of_numbers_in_every_format(tmp_path, settings, ending):
    path = tmp_path / f"sensor.{ending}"
    _write(path, ROWS.drop("code"))
    assert read_table(path, settings=settings).frame()["temp"].to_list() == [-999.0, 20.5, 21.0]
    table = read_table(path, options=ReaderOptions(missing=("-999",)), settings=settings)
    assert table.frame().rows() == [(None, None, None), (20.5, 1, "on"), (21.0, 2, "off")]
    assert "'-999' was read as missing in temp (1)" in " ".join(table.origin["reader"]["notes"])


def in_blocks(content: str, *, size: int = 64, **options):
    chosen = ReaderOptions(**options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.data.blocks.BLOCK_BYTES", size)
        patch.setattr("workbench.data.streaming._SNIFFED_BYTES", 256)
        text = LargeText(
            lambda: io.BytesIO(content.encode()), name="some.csv", options=chosen, max_columns=100, tabs=False
        )
        for _ in range(12):
            try:
                frame = pl.concat(text.batches())
                return frame, report_document(**text.report, options=chosen)
            except NextPassError:
                continue
    raise AssertionError("no end of passes")


def read(content: str, **options):
    """Read at once and in blocks, which must be the same."""
    frame, report = parse_content(content.encode(), name="some.csv", options=ReaderOptions(**options))
    again, report_again = in_blocks(content, **options)
    assert again.equals(frame), (again, frame)
    assert report_again["missing"] == report["missing"]
    assert report_again["options"] == report["options"]
    return frame, report


def test_a_number_for_missing_acts_in_each_block_of_a_large_file():
    numbers = [-999 if n % 10 == 0 else n % 7 for n in range(300)]
    content = "x,y,z\n" + "".join(f"{'NA' if n == 290 else x},{x}.5,{x}\n" for n, x in enumerate(numbers))
    frame, report = read(content, missing=("-999", "NA"))
    assert [frame[name].null_count() for name in "xyz"] == [30, 0, 30]
    assert report["missing"] == {"x": {"-999": 29, "NA": 1}, "z": {"-999": 30}}


def test_a_number_for_missing_is_compared_as_a_number_among_numbers_only():
    frame, _ = read("a,b\n-999.0,-999.0\n-999,x\n7,-999\n", missing=("-999",))
    assert frame.to_dict(as_series=False) == {"a": [None, None, 7.0], "b": ["-999.0", "x", None]}
    assert read("a\n7\n5\n", missing=("007",))[0]["a"].to_list() == [7, 5]
    frame, _ = read("a;b\n1.000,5;-9,5\n2,5;3\n", missing=("-9,5", "2,5"))
    assert frame.rows() == [(1000.5, None), (None, 3.0)]


@pytest.mark.parametrize("mark", ["k. A.", "n/v", "--", "unknown", "-", "None", ":", "#DIV/0!"])
def test_a_repeated_mark_among_numbers_is_missing_and_text_keeps_it(mark):
    cells = [mark if n % 9 == 5 else n / 4 for n in range(60)]
    frame, report = read("x,word\n" + "".join(f"{cell},{mark if n % 2 else 'brick'}\n" for n, cell in enumerate(cells)))
    assert (frame.schema["x"], frame["x"].null_count()) == (pl.Float64, 7)
    assert frame["word"].value_counts(sort=True)["count"].to_list() == [30, 30]
    assert report["missing"] == {"x": {mark: 7}}
    assert f"{mark!r} was read as missing in x (7), where all else is numbers or dates." in report["notes"]
    assert report["options"]["missing_marks"] == [mark]


def test_a_mark_that_is_not_repeated_or_not_alone_leaves_text():
    for late in ("unknown", "unknown,\nunknown,\nx"):
        frame, report = read("x,y\n" + "1,2\n" * 40 + f"{late},2\n" + "3,4\n" * 40)
        assert frame.schema["x"] == pl.String
        assert report["options"]["missing_marks"] is None


def test_marks_are_corrected_by_hand():
    content = "x,y\n1,a\nk. A.,b\n3,c\nk. A.,d\n"
    assert read(content, missing_marks=())[0]["x"].to_list() == ["1", "k. A.", "3", "k. A."]
    assert read(content.replace("3,c\nk. A.", "3,c\n4"), missing_marks=("k. A.",))[0]["x"].null_count() == 1


def test_marks_among_dates_and_spelled_numbers_are_missing():
    content = "day;price\n" + "".join(f"{n + 1:02d}.03.2024;1.00{n},5\n-;k.A.\n" for n in range(9))
    frame, _ = read(content)
    assert frame.row(0) == (date(2024, 3, 1), 1000.5)
    assert frame.null_count().row(0) == (9, 9)


def test_a_repeated_mark_is_missing_in_workbooks_and_json_too(tmp_path, settings):
    rows = [{"a": 1, "b": "None"}, {"a": "n/v", "b": "x"}, {"a": 2.5, "b": "None"}, {"a": "n/v", "b": "y"}]
    _write(tmp_path / "a.xlsx", pl.DataFrame(rows, schema={"a": pl.Object, "b": pl.String}))
    (tmp_path / "a.json").write_text(json.dumps(rows))
    for path in (tmp_path / "a.xlsx", tmp_path / "a.json"):
        table = read_table(path, settings=settings)
        assert table.frame()["a"].to_list() == [1.0, None, 2.5, None]
        assert table.frame()["b"].null_count() == 0
        assert "'n/v'" in " ".join(table.origin["reader"]["notes"])
        assert table.origin["reader"]["options"]["missing_marks"] == ["n/v"]
        kept = read_table(path, options=ReaderOptions(missing_marks=()), settings=settings)
        assert kept.frame()["a"].to_list() == ["1", "n/v", "2.5", "n/v"]


def test_a_look_shows_what_was_recognised_as_missing_instead_of_proposing_it(tmp_path, settings):
    (tmp_path / "a.csv").write_text("x,y\n1,a\n--,b\n3,--\n--,d\n")
    look = look_at(tmp_path / "a.csv", settings=settings)
    assert look.options.missing_marks == ("--",)
    assert [(proposal.option, proposal.reason[-10:]) for proposal in look.proposals] == [("missing", "'--' in y.")]
