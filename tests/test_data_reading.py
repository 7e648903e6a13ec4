"""Reading files: what is recognised, and what is refused in which words."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.data import profile_table, read_table
from workbench.data.digests import digest_of
from workbench.data.normalize import normalize_frame
from workbench.data.reading import parse_content, read_frame
from workbench.errors import ReadError, TableNotFoundError, TargetError


@pytest.fixture
def read(tmp_path, settings):
    """Write the content to a file and read it as a table."""

    def write_and_read(content, name="some.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, settings=settings, **options)

    return write_and_read


def notes_of(table):
    return " ".join(table.origin["reader"]["notes"])


def test_adult_style_lines_read_right_without_options(read):
    table = read("age, work, income\n39, State-gov, <=50K\n50, ?, >50K\n38, Private, <=50K\n")
    assert table.frame().to_dict(as_series=False) == {
        "age": [39, 50, 38],
        "work": ["State-gov", None, "Private"],
        "income": ["<=50K", ">50K", "<=50K"],
    }
    assert table.origin["reader"]["missing"] == {"work": {"?": 1}}
    assert "'?' was read as missing in work (1)." in notes_of(table)


@pytest.mark.parametrize("marker", ["?", "NA", "N/A", "NaN", "nan", "null", "NULL", ""])
def test_a_missing_marker_leaves_a_number_column_numeric(read, marker):
    column = read(f"x,y\n1.5,a\n{marker},b\n2.5,c\n").column("x")
    assert (column.dtype, column.n_missing) == ("Float64", 1)


def test_a_value_called_none_is_kept(read):
    assert read("veneer,n\nNone,1\nBrick,2\nNA,3\n").frame()["veneer"].to_list() == ["None", "Brick", None]


def test_namibia_among_country_codes_is_kept_and_said(read):
    codes = ["NA", "DE", "FR", "IT", "ES", "PL", "US", "CN", "IN", "BR", "ZA"]
    table = read("country,n\n" + "".join(f"{code},{place}\n" for place, code in enumerate(codes)))
    assert table.column("country").n_missing == 0
    assert "Namibia" in notes_of(table)


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
def test_the_delimiter_is_recognised(read, delimiter, name):
    lines = [["a", "b c", "d"], ["1", "x,y" if delimiter != "," else "x", "2.5"], ["2", "z", "3.5"]]
    table = read("\n".join(delimiter.join(line) for line in lines))
    assert table.origin["reader"]["delimiter"] == name
    assert [column.dtype for column in table.columns] == ["Int64", "String", "Float64"]


def test_decimal_commas_are_read_where_semicolons_separate(read):
    table = read("price;n\n1.234,50;1\n3,5;2\n")
    assert table.frame()["price"].to_list() == [1234.5, 3.5]
    assert "decimal commas" in notes_of(table)


def test_codes_with_leading_zeros_stay_text(read):
    table = read("zip,n\n01067,1\n10115,2\n")
    assert table.frame()["zip"].to_list() == ["01067", "10115"]
    assert "leading zeros" in notes_of(table)


def test_codes_with_a_point_or_an_e_stay_text_or_are_told(read):
    table = read(
        "icd9,version,part,short,price\n038.11,1.1,12E4,1E2,1.50\n250.00,1.10,10E1,5,2.50\n250.0,2.0,7,3,2.75\n"
    )
    frame = table.frame()
    assert frame["icd9"].to_list() == ["038.11", "250.00", "250.0"]
    assert frame["part"].to_list() == ["12E4", "10E1", "7"]
    assert [str(frame.schema[name]) for name in ("version", "short", "price")] == ["Float64"] * 3
    notes = notes_of(table)
    assert "'icd9' has numbers with leading zeros and was kept as text." in notes
    assert "'part' has codes such as '12E4', which aren't written as numbers are, and was kept as text." in notes
    assert "'version' has '1.10' beside '1.1', which became one number." in notes
    assert "'short' has '1E2', which was read as 100. If it holds codes, set the column's type to text." in notes
    assert "price" not in notes


def test_numbers_as_programs_write_them_are_numbers_without_a_word(read):
    table = read("a,b,c,d,e\n1.20E+05,1e5,0.50,10.0,-0.25\n1.5E-03,2e16,1.25,0,00\n" + "7.1E+00,3,1.50,5,0.5\n" * 3)
    assert [str(dtype) for dtype in table.frame().dtypes] == ["Float64"] * 4 + ["String"]
    assert [note for note in table.origin["reader"]["notes"] if "'e'" not in note] == []


def test_whole_numbers_beyond_64_bits_stay_text(read):
    table = read("serial,n\n12345678901234567890123,1\n12345678901234567890124,2\n")
    assert table.frame()["serial"].to_list() == ["12345678901234567890123", "12345678901234567890124"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2024-01-31", "2024-02-01"], [date(2024, 1, 31), date(2024, 2, 1)]),
        (["1949-01", "1949-02"], [date(1949, 1, 1), date(1949, 2, 1)]),
        (["31.12.2024", "01.02.2024"], [date(2024, 12, 31), date(2024, 2, 1)]),
        (["31/12/2024", "01/02/2024"], [date(2024, 12, 31), date(2024, 2, 1)]),
        (["12/31/2024", "02/01/2024"], [date(2024, 12, 31), date(2024, 2, 1)]),
        (["2024-01-31 10:20:30", "2024-02-01 00:00:00"], [datetime(2024, 1, 31, 10, 20, 30), datetime(2024, 2, 1)]),
        (["2024-01-31T10:20", "2024-02-01T00:00"], [datetime(2024, 1, 31, 10, 20), datetime(2024, 2, 1)]),
    ],
)
def test_dates_are_recognised(read, cells, expected):
    table = read("when,n\n" + "".join(f"{cell},{place}\n" for place, cell in enumerate([*cells, ""])))
    assert table.frame()["when"].to_list() == [*expected, None]
    assert table.column("when").kind == "datetime"


def test_dates_that_could_be_two_days_stay_text_and_it_is_said(read):
    table = read("when,n\n01/02/2024,1\n03/04/2024,2\n")
    assert table.column("when").dtype == "String"
    assert "day/month or month/day" in notes_of(table)


def test_true_and_false_become_booleans(read):
    assert read("flag,n\ntrue,1\nFALSE,2\n,3\n").frame()["flag"].to_list() == [True, False, None]


def test_a_column_of_nearly_all_numbers_says_why_it_is_text(read):
    rows = "".join(f"{place},{place}\n" for place in range(20))
    assert "1 of 21 values are no numbers (such as 'n.d.')" in notes_of(read(f"x,y\n{rows}n.d.,1\n"))


def test_infinite_values_are_read_as_missing_and_it_is_said(read):
    table = read("x,y\n1.5,a\ninf,b\n-inf,a\n")
    assert table.column("x").n_missing == 2
    assert "2 infinite values in 'x'" in notes_of(table)


def test_quoted_cells_keep_delimiters_quotes_and_line_breaks(read):
    table = read('name,n\n"Allen, Miss ""Bess""",1\n"two\nlines",2\n')
    assert table.frame()["name"].to_list() == ['Allen, Miss "Bess"', "two\nlines"]


def test_blanks_before_quotes_are_no_part_of_the_cell(read):
    assert read('a, b\n1, "x, y"\n2, "z"\n').frame()["b"].to_list() == ["x, y", "z"]


def test_quotes_that_enclose_nothing_are_kept_as_letters(read):
    table = read('label\ttext\nham\t"hello\nspam\the said "no" and\nham\tbye"\n', name="sms.tsv")
    assert table.frame()["text"].to_list() == ['"hello', 'he said "no" and', 'bye"']
    assert "Quotes were kept" in notes_of(table)


def test_text_behind_a_closing_quote_is_kept(read):
    assert read('a,b\n1,"x, y" z\n2,w\n').frame()["b"].to_list() == ["x, y z", "w"]


def test_a_quote_that_is_never_closed_is_refused_with_its_line(read):
    with pytest.raises(ReadError, match=r"quote opened in line 3 that is never closed"):
        read('a,b\n"1,5",x\n2,"y\n3,z\n4,w\n')


def test_blank_lines_are_left_out_but_not_in_a_single_column(read):
    assert read("\n\na,b\n1,2\n\n3,4\n  \n").n_rows == 2
    assert read("a\n1\n\n3\n").frame()["a"].to_list() == [1, None, 3]
    assert read('a,b\n\n1,"x"\n\n').frame().rows() == [(1, "x")]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read(read, ending):
    assert read(ending.join(["a,b", "1,x", "2,y", ""])).frame().rows() == [(1, "x"), (2, "y")]


@pytest.mark.parametrize(
    ("encoding", "noted"), [("utf-8", False), ("utf-8-sig", False), ("utf-16", False), ("cp1252", True)]
)
def test_encodings_are_recognised(read, encoding, noted):
    table = read("größe,n\nklein,1\nübergroß – €,2\n".encode(encoding))
    assert table.frame()["größe"].to_list() == ["klein", "übergroß – €"]
    assert ("Windows-1252" in notes_of(table)) == noted


def test_bytes_that_windows_1252_lacks_are_read_as_latin_1(read):
    table = read(b"a,b\n\x81\xe9,1\nx,2\n")
    assert "Latin-1" in notes_of(table)
    assert table.frame()["a"][0] == "\x81é"


def test_a_gzipped_file_and_a_plain_one_give_the_same_table(read):
    content = b"a,b\n1,x\n2,y\n"
    assert read(content).digest == read(gzip.compress(content), name="other.csv.gz").digest
    assert read(gzip.compress(content), name="misnamed.csv").name == "misnamed"


def test_parquet_is_read_by_its_content(read):
    frame = pl.DataFrame(
        {
            "c": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
            "f": [1.0, float("nan"), float("inf")],
            "s": ["", "x", None],
            "big": pl.Series([1, 2, 3], dtype=pl.UInt64),
        }
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    table = read(buffer.getvalue(), name="wrongly_named.csv")
    assert table.frame().to_dict(as_series=False) == {
        "c": ["a", "b", "a"],
        "f": [1.0, None, None],
        "s": [None, "x", None],
        "big": [1, 2, 3],
    }
    assert table.column("c").dtype == "String"


def test_unnamed_columns_get_a_name(read):
    table = read(",a\n0,x\n1,y\n")
    assert [column.name for column in table.columns] == ["column_1", "a"]
    assert "column_1" in notes_of(table)


def test_repeated_names_are_numbered_as_in_workbooks(read):
    table = read("a,b,a,b,b,a_2\n1,2,3,4,5,6\n")
    assert table.frame().row(0, named=True) == {"a": 1, "b": 2, "a_3": 3, "b_2": 4, "b_3": 5, "a_2": 6}
    assert "2 column names are repeated; the later ones were called 'a_3', 'b_2', 'b_3'." in notes_of(table)
    assert "The column name 'x' is repeated; the later one was called 'x_2'." in notes_of(read("x,x\n1,2\n3,4\n"))


def test_a_first_line_of_numbers_is_said_to_be_taken_as_names(read):
    assert "holds numbers only" in notes_of(read("5.1,3.5\n4.9,3.0\n4.7,3.2\n"))


def test_a_text_column_with_50000_values_is_read(read):
    table = read("key,n\n" + "".join(f"value-{place},{place % 7}\n" for place in range(50_000)))
    assert (table.column("key").kind, table.column("key").n_unique) == ("identifier", 50_000)


def test_a_column_entirely_missing_is_constant(read):
    column = read("a,b\n1,\n2,NA\n").column("b")
    assert (column.kind, column.n_missing, column.n_unique) == ("constant", 2, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"Got some.csv, which is empty, needed a header"),
        (b" \n\n", r"which is empty"),
        (b"a,b\n", r"a header of 2 columns but no rows"),
        (b"a,b\n\n\n", r"no rows"),
        (b"\x89PNG\r\n\x1a\nxxxx", r"is a single PNG image, needed a table"),
        (b"PK\x03\x04xxxx", r"a damaged ZIP archive"),
        (b"a,b\n1,\x00\n", r"NUL byte at position 6"),
        (b"\x01\x02\x03\x04,\x05\n" * 50, r"control characters"),
        (b"a,b\n1,2\n3\n", r"1 cell in line 3, needed 2 as in the header \(comma-separated\)"),
        (b"a,b\n1,2\n3,4,5\n", r"3 cells in line 3, needed 2"),
        (b"a,b\n1,2\n3,4,", r"3 cells in line 3, needed 2"),
        (b'a,b,c\n"1",2,3\n4,5\n', r"2 cells in line 3, needed 3"),
        (b'a,b\n"x\ny",2\n3,4,5\n', r"3 cells in line 4, needed 2"),
        (b"\xff\xfea\x00,\x00b\x00\n\x00\x00\xd8", r"damaged UTF-16"),
        (b"\x1f\x8b\x08\x00damaged", r"damaged gzip file"),
        (b"PAR1 and then nothing", r"damaged Parquet file"),
    ],
)
def test_bad_input_is_refused_in_words(read, settings, content, message):
    with pytest.raises(ReadError, match=message):
        read(content)
    assert not settings.tables.exists() or not list(settings.tables.iterdir())


def test_line_numbers_count_blank_lines_at_the_start(read):
    with pytest.raises(ReadError, match="in line 5"):
        read("\n\na,b\n1,2\n3\n")


def test_a_file_over_the_limit_is_refused(read, settings, tmp_path):
    path = tmp_path / "big.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 500_000)
    with pytest.raises(ReadError, match=r"big.csv of 2 MiB, needed at most 1 MiB.* WORKBENCH_MAX_UPLOAD_MIB"):
        read_table(path, settings=replace(settings, max_upload_mib=1))


def test_a_small_gzip_that_unpacks_to_much_is_refused(settings, tmp_path):
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0" * (64 << 20)))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ReadError, match="unpacks to more than 8 MiB"):
        read_table(path, settings=replace(settings, max_upload_mib=8))


def test_too_many_columns_are_refused(settings, tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{place}" for place in range(30)) + "\n" + ",".join(["1"] * 30))
    with pytest.raises(ReadError, match=r"30 columns, needed at most 20.* WORKBENCH_MAX_COLUMNS"):
        read_table(path, settings=replace(settings, max_columns=20))


def test_columns_that_a_table_cannot_hold_are_named(read):
    buffer = io.BytesIO()
    pl.DataFrame({"image": [b"\x00"], "box": [[1, 2]], "n": [1]}).write_parquet(buffer)
    with pytest.raises(ReadError, match=r"2 columns of a type.*'image' \(Binary\), 'box' \(List"):
        read(buffer.getvalue(), name="images.parquet")


def test_a_folder_is_refused_with_files_in_it_named(settings, tmp_path):
    (tmp_path / "people.csv").write_text("a\n1\n")
    with pytest.raises(ReadError, match=r"is a folder, needed a file.*people.csv"):
        read_table(tmp_path, settings=settings)


def test_a_missing_file_suggests_near_names(settings, tmp_path):
    (tmp_path / "customers.csv").write_text("a\n1\n")
    with pytest.raises(TableNotFoundError, match=r"isn't there, needed .* Did you mean customers.csv\?"):
        read_table(tmp_path / "custmers.csv", settings=settings)


def test_files_are_found_below_the_data_folder(settings, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "people.csv").write_text("a,b\n1,2\n")
    assert read_table("people.csv", settings=replace(settings, data=tmp_path / "data")).n_rows == 1


def test_an_absent_target_is_refused_with_near_names(read):
    with pytest.raises(
        TargetError, match=r"Got target 'Survivd', needed one of the 2 columns.* Did you mean 'survived'\?"
    ):
        read("survived,age\n1,2\n", target="Survivd")


def test_read_frame_stores_nothing(tmp_path, settings):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,?\n2,x\n")
    assert read_frame(path, settings=settings).rows() == [(1, None), (2, "x")]
    assert not settings.home.exists()


@given(st.binary(max_size=60) | st.text(st.sampled_from('ab01.,;\t"\n\r ?-:/é'), max_size=60).map(str.encode))
@example(b'a,b\n"')
@example(b'"\n",b\n1,2')
@example(b"a,b\n1,-nan\n2,inf\n")
def test_any_bytes_are_read_or_refused_in_words(content):
    try:
        frame, _ = parse_content(content, name="any.csv")
        frame, _ = normalize_frame(frame, name="any.csv", max_columns=100)
    except ReadError as error:
        assert str(error).startswith("Got any.csv")
    else:
        assert profile_table(frame).n_rows == frame.height
        assert len(digest_of(frame)) == 64


@pytest.mark.large
def test_adult_reads_as_documented(large_data, settings):
    table = read_table(large_data / "adult_train.csv.gz", target="income", settings=settings)
    assert (table.n_rows, table.n_columns) == (32_561, 15)
    missing = {column.name: column.n_missing for column in table.columns if column.n_missing}
    assert missing == {"workclass": 1_836, "occupation": 1_843, "native-country": 583}
    assert table.profile().n_duplicates == 24
    assert {column.kind for column in table.columns} == {"number", "category"}
    assert table.frame()["income"].unique().sort().to_list() == ["<=50K", ">50K"]


@pytest.mark.large
def test_ames_and_sms_keep_every_row_and_value(large_data, settings):
    ames = read_table(large_data / "ames_housing.csv.gz", settings=settings)
    assert sum(column.n_missing for column in ames.columns) == 13_997
    assert (ames.frame()["Mas Vnr Type"] == "None").sum() == 1_752
    assert ames.frame()["PID"][0] == "0526301100"
    assert read_table(large_data / "sms_spam.tsv.gz", settings=settings).n_rows == 5_574


@pytest.mark.large
def test_every_file_reads_or_is_refused_in_words(large_data, settings):
    refused = {}
    for path in sorted(large_data.iterdir()):
        if path.name.endswith((".csv", ".csv.gz", ".tsv.gz", ".parquet")) and path.stat().st_size < 2_000_000:
            try:
                assert read_table(path, settings=settings).profile().frame().height > 0
            except ReadError as error:
                refused[path.name] = str(error)
    assert refused == {}
