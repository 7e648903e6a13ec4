"""JSON and NDJSON: every usual layout, mixed types, and files that are none."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import read_table
from workbench.data.formats import open_format
from workbench.data.formats import settling as settling_module
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError
from workbench.settings import Settings

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": 3, "b": "z"}]


@pytest.fixture
def read(tmp_path, settings):
    def read_(content, name="rows.json", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, options=ReaderOptions(**options), settings=settings)

    return read_


def notes_of(table):
    return " ".join(table.origin["reader"]["notes"])


@pytest.mark.parametrize(
    "document",
    [
        ROWS,
        {"a": [1, 2, 3], "b": ["x", None, "z"]},
        {"rows": ROWS, "n": 3},
        {"answer": {"rows": ROWS}},
        {"a": {"0": 1, "1": 2, "2": 3}, "b": {"0": "x", "1": None, "2": "z"}},
        {"first": ROWS[0], "second": ROWS[1], "third": ROWS[2]},
    ],
    ids=["objects", "columns", "records below a key", "deeper", "pandas columns", "rows by name"],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_every_usual_layout_gives_the_same_rows(read, document, indent):
    table = read(json.dumps(document, indent=indent))
    assert table.frame().rows() == [(1, "x"), (2, None), (3, "z")]
    assert table.origin["reader"]["format"] == "json"


@pytest.mark.parametrize("name", ["rows.ndjson", "rows.jsonl", "rows.json", "rows.txt"])
def test_one_object_a_line_is_recognised_by_its_content(read, name):
    table = read("\n".join(map(json.dumps, ROWS)) + "\n\n", name)
    assert table.frame().rows() == [(1, "x"), (2, None), (3, "z")]
    assert table.origin["reader"]["format"] == "ndjson"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("name", ["rows.json", "rows.ndjson"])
def test_marks_at_the_start_tell_the_encoding(read, encoding, name):
    text = json.dumps([{"word": "Zürich"}], ensure_ascii=False)
    table = read((text if name == "rows.json" else text[1:-1] + "\n").encode(encoding), name)
    assert table.frame().item() == "Zürich"


def test_an_encoding_may_be_set_and_a_wrong_one_is_said(read):
    content = json.dumps([{"word": "Zürich"}], ensure_ascii=False).encode("cp1252")
    assert read(content, encoding="cp1252").frame().item() == "Zürich"
    with pytest.raises(ReadError, match=r"isn't UTF-8.*Give the encoding"):
        read(content)
    with pytest.raises(ReadError, match=r"Got the encoding 'nonsense'"):
        read(content, encoding="nonsense")


def test_objects_are_spread_one_level_and_lists_kept_as_text(read):
    table = read(json.dumps([{"id": 1, "at": {"x": 1.5, "deep": {"k": [1]}}, "tags": ["a", "b"]}, {"id": 2}]))
    assert table.frame().rows(named=True) == [
        {"id": 1, "at.x": 1.5, "at.deep": '{"k": [1]}', "tags": '["a", "b"]'},
        {"id": 2, "at.x": None, "at.deep": None, "tags": None},
    ]
    assert "The objects in 'at' were spread over columns" in notes_of(table)
    assert "'tags' were kept as JSON text" in notes_of(table)


def test_a_name_that_spreading_would_give_twice_is_refused(read):
    with pytest.raises(ReadError, match=r"'at.x' twice"):
        read(json.dumps([{"at": {"x": 1}, "at.x": 2}]))


def test_mixed_types_lose_nothing_and_are_told(read):
    rows = [{"m": 1, "n": 1, "b": True, "f": 1}, {"m": "two", "n": "NA", "b": "no", "f": 2.5}, {"m": 3.5, "n": "7"}]
    table = read(json.dumps(rows))
    assert table.frame().rows() == [("1", 1.0, "true", 1.0), ("two", None, "no", 2.5), ("3.5", 7.0, None, None)]
    assert "'m' mixes" in notes_of(table) and "such as 'two'" in notes_of(table)
    assert "'n' mixes numbers with text that is one and was read as numbers; 'NA' (1) became missing." in notes_of(
        table
    )


@pytest.mark.parametrize("name", ["rows.json", "rows.ndjson"])
def test_whole_numbers_keep_all_their_digits(read, name):
    rows = [{"id": 9_007_199_254_740_993, "long": 2**70}, {"id": -(2**63), "long": 1}]
    text = json.dumps(rows) if name == "rows.json" else "\n".join(map(json.dumps, rows))
    assert read(text, name).frame().rows() == [(9_007_199_254_740_993, str(2**70)), (-(2**63), "1")]


def test_iso_dates_become_dates_and_times_with_zones_utc(read):
    rows = [
        {"d": "2024-01-31", "t": "2024-01-31T10:00:00", "z": "2024-01-31T10:00:00+02:00", "x": "2024-13-01"},
        {"d": None, "t": "2024-01-31 11:30", "z": "2024-01-31T08:00:00Z", "x": "2024-01-01"},
    ]
    table = read(json.dumps(rows))
    frame = table.frame()
    assert any("'z' have offsets and are kept in UTC" in note for note in table.origin["reader"]["notes"])
    assert frame["d"].to_list() == [dt.date(2024, 1, 31), None]
    assert frame["t"].to_list() == [dt.datetime(2024, 1, 31, 10), dt.datetime(2024, 1, 31, 11, 30)]
    assert frame.schema["z"] == pl.Datetime("us", "UTC")  # as in a CSV file
    assert frame["z"].to_list() == [dt.datetime(2024, 1, 31, 8, tzinfo=dt.UTC)] * 2
    assert frame["x"].to_list() == ["2024-13-01", "2024-01-01"]


def test_missing_words_and_types_can_be_set(read):
    rows = [{"a": "12", "b": "?"}, {"a": "none", "b": "x"}, {"a": "old", "b": ""}]
    table = read(json.dumps(rows), missing=("?", "none"), types={"a": "number"})
    assert table.frame().rows() == [(12.0, None), (None, "x"), (None, None)]
    assert "1 values of 'a' are no number" in notes_of(table)
    assert "'?' occurs 1 times in 'b'" in notes_of(read(json.dumps(rows)))


def test_a_type_that_changes_after_many_rows_widens_the_whole_column(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(settling_module, "_IN_MEMORY_BYTES", 100_000)
    path = tmp_path / "long.ndjson"
    lines = [f'{{"n": {n}, "w": "{n % 7}"}}' for n in range(60_000)] + ['{"n": 0.5, "late": true}']
    path.write_text("\n".join(lines))
    frame = read_table(path, settings=settings).frame()
    assert frame.schema == {"n": pl.Float64, "w": pl.String, "late": pl.Boolean}
    assert frame["n"].to_list() == [*map(float, range(60_000)), 0.5]
    assert frame["late"].null_count() == 60_000
    assert [entry.name for entry in settings.tables.iterdir() if entry.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"a": 1}, {"a":', r"no JSON"),
        ('[{"a": 1}, {"a": 2}', r"never closed"),
        ('[{"a": 1} {"a": 2}]', r"no JSON"),
        ('[{"a": 1}, 5]', r"a number as record 2, needed an object"),
        ("[1, 2, 3]", r"a number as record 1"),
        ("[]", r"without rows"),
        ("{}", r"holds no table"),
        ('{"a": [{"x": 1}], "b": [{"x": 2}]}', r"below several keys \('a', 'b'\)"),
        ('{"a": [1, 2], "b": [1]}', r"holds no table"),
        ("[" * 100_000, r"nested too deep"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, r"nested too deep|holds no table"),
        ('[{"a": ' + "9" * 5_000 + "}]", r"no JSON"),
        ('[{"a": 1, "a": }]', r"no JSON"),
    ],
)
def test_what_is_no_table_is_refused_in_words(read, content, words):
    with pytest.raises(ReadError, match=words):
        read(content)


def test_a_broken_line_is_named(read):
    with pytest.raises(ReadError, match=r"line 3 is no JSON"):
        read('{"a": 1}\n{"a": 2}\n{"a": oops}\n', "rows.ndjson")


def test_a_column_for_each_record_is_refused_in_time(tmp_path, settings):
    path = tmp_path / "wide.ndjson"
    path.write_text("\n".join(f'{{"k{n}": 1}}' for n in range(1_001)))
    with pytest.raises(ReadError, match=r"more than 1,000 columns"):
        read_table(path, settings=replace(settings, max_columns=1_000))


def test_a_look_reads_the_first_records_of_a_broken_file(tmp_path, settings):
    path = tmp_path / "rows.json"
    path.write_text('[{"a": 1}, {"a": 2}, {"a": 3}, broken')
    with open_format(path, options=ReaderOptions(), settings=settings, n_rows=2) as reading:
        assert [batch["a"].to_list() for batch in reading.batches] == [[1, 2]]


def test_csv_that_begins_with_a_bracket_stays_csv(read):
    assert read("[a],b\n1,2\n3,4\n", "odd.csv").frame().columns == ["[a]", "b"]


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.text()
)


@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), _VALUES, min_size=1), min_size=1, max_size=8))
def test_array_and_lines_give_the_same_table(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("json")
    settings = Settings(home=folder)
    (folder / "array.json").write_text(json.dumps(rows))
    (folder / "lines.ndjson").write_text("\n".join(map(json.dumps, rows)))
    frames = []
    for name in ("array.json", "lines.ndjson"):
        with open_format(folder / name, options=ReaderOptions(), settings=settings) as reading:
            frames.append(pl.concat(list(reading.batches)))
    assert frames[0].equals(frames[1])
    assert frames[0].height == len(rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '[{"a": 1, "b": "x\\": y", "a": 2}, {"a": 3, "b": "z"}]'),
        ("a.ndjson", '{"a": 1, "b": "x\\": y", "a": 2}\n{"a": 3, "b": "z"}\n'),
        ("a.json", '{"rows": [{"a": 1, "b": "x\\": y", "a" : 2}, {"a": 3, "b": "z"}]}'),
    ],
)
def test_a_repeated_key_is_told_and_its_last_value_taken(read, name, content):
    table = read(content, name=name)
    assert table.frame()["a"].to_list() == [2, 3]
    assert "The key 'a' is repeated within 1 object; the last value of each was taken." in notes_of(table)


def test_keys_in_texts_and_objects_within_are_not_repeated(read):
    table = read('[{"a": {"b": 1, "a": 2}, "c": "\\"x\\": 1, \\"x\\": 2"}]')
    assert "repeated" not in notes_of(table)


def test_whole_numbers_that_are_text_in_some_rows_keep_their_digits(read):
    table = read('[{"id": 9007199254740993}, {"id": "9007199254740995"}, {"id": "7"}]', "mixed.json")
    assert table.frame()["id"].to_list() == [9_007_199_254_740_993, 9_007_199_254_740_995, 7]


def test_json_whose_names_and_rows_stand_apart_is_read(read):
    table = read('{"columns": ["a", "b"], "index": [0, 1], "data": [[1, "x"], [2, "y"]]}', "split.json")
    assert table.frame().rows() == [(1, "x"), (2, "y")]
