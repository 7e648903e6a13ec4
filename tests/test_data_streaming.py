"""Large files are read in blocks: whatever the blocks, the same table comes out as at once, or the same refusal."""

from __future__ import annotations

import gzip
import io
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import blocks, read_table, streaming
from workbench.data.blocks import end_of_rows
from workbench.data.digests import digest_of
from workbench.data.normalize import normalize_frame
from workbench.data.reading import read_frame
from workbench.data.spec import ReaderOptions
from workbench.data.streaming import LargeText, NextPassError
from workbench.data.texts import parse_content, report_document
from workbench.errors import ReadError, WorkbenchError


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Blocks of a few lines, and a head of a few more."""
    monkeypatch.setattr("workbench.data.blocks.BLOCK_BYTES", 64)
    monkeypatch.setattr("workbench.data.streaming._SNIFFED_BYTES", 256)
    monkeypatch.setattr("workbench.data.streaming._PROBES", 0)
    monkeypatch.setattr("workbench.data.texts.HEAD_BYTES", 16)


def in_blocks(content: bytes, **options):
    """Read all passes, as a table would be stored."""
    options = ReaderOptions(**options)
    text = LargeText(lambda: io.BytesIO(content), name="some.csv", options=options, max_columns=100, tabs=False)
    for _ in range(12):
        try:
            frame = pl.concat(text.batches())
        except NextPassError:
            continue
        return frame, report_document(**text.report, options=options)
    raise AssertionError("no end of passes")


def at_once(content: bytes, **options):
    return parse_content(content, name="some.csv", options=ReaderOptions(**options))


def same(content: str | bytes, **options):
    content = content if isinstance(content, bytes) else content.encode()
    wanted, wanted_report = at_once(content, **options)
    frame, report = in_blocks(content, **options)
    assert frame.equals(wanted), (frame, wanted)
    assert frame.schema == wanted.schema
    assert report["missing"] == wanted_report["missing"]
    assert sorted(report["notes"]) == sorted(wanted_report["notes"])
    assert {**report, "notes": 0} == {**wanted_report, "notes": 0}
    return frame


LINES = [f"{n},word {n % 7},{n / 4},2024-01-{n % 28 + 1:02d}" for n in range(60)]


def lines(*late: str, header: str = "n,word,x,day") -> str:
    return "\n".join([header, *LINES, *late, *LINES[:5]]) + "\n"


@pytest.mark.parametrize(
    "late",
    [
        "1.5,w,2,2024-01-01",  # a whole number turns out to be none
        "x,w,2,2024-01-01",
        "007,w,2,2024-01-01",
        "-07,w,2,2024-01-01",
        "12345678901234567890,w,2,2024-01-01",
        "12E4,w,2,2024-01-01",
        "1,w,038.11,2024-01-01",
        "1,w,-00.5,2024-01-01",
        '1,"w","038.11",2024-01-01',
        "1,0w,0.5,2024-01-01",
        "1,w,12345678901234567890,2024-01-01",
        "1,w,inf,2024-01-01",
        "1,w,NaN,2024-01-01",
        "NA,?,NA,",
        ",,,",
        " 5 ,  w , 2.5 ,2024-01-01 ",
        "1,w,2,31.01.2024",
        "1,w,2,2024-02-30",
        "1,true,2,2024-01-01",
        '1,"a, ""quoted"" cell",2,2024-01-01',
        '1,"a cell of\ntwo lines",2,2024-01-01',
        '"1","w","2","2024-01-01"',
        '1, "w",2,2024-01-01',
        '1,say "hi",2,2024-01-01',
        "\n\n1,w,2,2024-01-01",
        "   ",
        "1,größer,2,2024-01-01",
    ],
)
def test_what_comes_late_in_a_file_is_read_as_if_it_were_known_from_the_start(tiny_blocks, late):
    same(lines(late))


@pytest.mark.parametrize(
    ("late", "message"),
    [
        ("1,w,2", "3 cells in line 62, needed 4"),
        ("1,w,2,2024-01-01,9", "5 cells in line 62, needed 4"),
        ('1,"a, b",2,2024-01-01\n1,w,2,"2024-01-01', "quote opened in line 63"),
        ("1,\0,2,2024-01-01", "NUL byte at position"),
    ],
)
def test_what_is_refused_late_is_refused_in_the_same_words(tiny_blocks, late, message):
    for read in (at_once, in_blocks):
        with pytest.raises(ReadError, match=message):
            read(lines(late).encode())


def test_the_order_of_dates_is_decided_by_the_whole_column(tiny_blocks):
    ambiguous = [f"{n},0{n % 9 + 1}/0{n % 8 + 1}/2024" for n in range(60)]
    for late, decided in (("1,31/01/2024", True), ("1,01/31/2024", True), ("1,05/06/2024", False)):
        frame = same("\n".join(["n,day", *ambiguous, late, ""]))
        assert (frame.schema["day"] == pl.Date) == decided
    frame = same("\n".join(["n,day", *ambiguous, "1,31/01/2024", "1,01/31/2024", ""]))
    assert frame.schema["day"] == pl.String


def test_an_order_of_dates_that_turns_out_wrong_is_mended(tiny_blocks):
    cells = ["13/01/2024", *["01/02/2024"] * 40]
    assert same("d,n\n" + "".join(f"{cell},1\n" for cell in cells)).schema["d"] == pl.Date
    assert same("d,n\n" + "".join(f"{cell},1\n" for cell in [*cells, "01/13/2024"])).schema["d"] == pl.String


def test_quotes_that_turn_out_to_be_letters_are_kept(tiny_blocks):
    rows = [f"ham\tmessage {n}" for n in range(50)]
    content = "\n".join(["label\ttext", *rows, 'spam\t"win', *rows, 'spam\tnow"', *rows, ""])
    frame = same(content)
    assert frame.height == 152
    assert '"win' in frame["text"]


def test_stray_quotes_and_line_breaks_in_one_file_are_told_apart(tiny_blocks):
    same("a,b\n" + '1,"two\nlines"\n2,5" pipe\n' * 30)


def test_namibia_turns_up_late(tiny_blocks):
    codes = ["DE", "FR", "IT", "ES", "PL", "US", "CN", "IN", "BR", "ZA", "AT"]
    countries = "".join(f"{codes[n % 11]},{n}\n" for n in range(80))
    assert "NA" in same("c,n\n" + countries + "NA,1\n" + countries)["c"]
    assert "NA" not in same("c,n\nNA,1\n" + countries + "Germany,1\n" + countries)["c"]


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_read_in_blocks(tiny_blocks, ending):
    same(lines().replace("\n", ending))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_other_encodings_are_recoded_in_blocks(tiny_blocks, encoding):
    same(lines("1,größer,2,2024-01-01").encode(encoding))
    same(lines(header="n,wörd,x,day").encode(encoding))


def test_an_encoding_that_turns_out_wrong_is_mended(tiny_blocks):
    assert "\x81é" in same(lines().encode() + b"1,caf\xe9,1,\n" + lines().encode()[13:] + b"1,\x81\xe9,1,\n")["word"]


def test_options_hold_in_blocks(tiny_blocks):
    content = "Sales of 2024\nn;price;when;note\n" + "".join(
        f"{n};1.{n % 900 + 100},5;0{n % 9 + 1}/02/2024;unknown\n" for n in range(60)
    )
    frame = same(content, date_order="month_day_year", missing=("unknown",), types={"n": "text"}, header_line=2)
    assert [str(dtype) for dtype in frame.dtypes] == ["String", "Float64", "Date", "String"]
    assert frame["note"].null_count() == 60
    same(content.split("\n", 1)[1], header_line=0, delimiter=";", quoted=False)
    same(lines("x,w,2,"), types={"n": "number", "word": "boolean"})


def test_a_code_in_the_very_last_cell_is_seen(tiny_blocks):
    plain = "a,b\n" + "1,2\n" * 60
    assert same(plain + "3,07").schema["b"] == pl.String
    assert same(plain + "07,3").schema["a"] == pl.String
    assert same(plain + '3,"07"').schema["b"] == pl.String


def test_a_single_column_keeps_its_blank_lines(tiny_blocks):
    same("a\n" + "1\n\n2\n" * 40 + "\n\n\n")


CELLS = [
    "1",
    "20",
    "-3",
    "4.5",
    "007",
    "x",
    "a b",
    "NA",
    "--",
    "",
    "2024-01-31",
    "01/02/2024",
    '"q,1"',
    '"l\n2"',
    'in"ch',
    "é",
]


@given(st.lists(st.sampled_from(CELLS), min_size=2, max_size=12), st.integers(1, 40), st.integers(24, 200), st.data())
def test_any_table_is_the_same_in_blocks_of_any_size(late, n_plain, size, data):
    shuffled = random.Random(len(late))
    rows = [f"{n},{shuffled.choice(CELLS[:2])}" for n in range(n_plain)]
    rows += [f"{cell},{data.draw(st.sampled_from(CELLS))}" for cell in late]
    content = ("a,b\n" + "\n".join(rows) + "\n").encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.data.blocks.BLOCK_BYTES", size)
        patch.setattr("workbench.data.streaming._SNIFFED_BYTES", 64)
        try:
            wanted, _ = at_once(content)
        except ReadError as error:
            with pytest.raises(ReadError) as caught:
                in_blocks(content)
            assert str(caught.value) == str(error)
        else:
            frame, _ = in_blocks(content)
            assert frame.equals(wanted), (frame, wanted)


def test_a_large_file_is_stored_without_ever_being_whole_in_memory(tiny_blocks, tmp_path, settings):
    content = lines("1,größer,2,2024-01-01", "NA,w,2,2024-01-01") * 1
    wanted, _ = normalize_frame(at_once(content.encode())[0], name="x", max_columns=10)
    shares = []
    for name, data in (("plain.csv", content.encode()), ("packed.csv.gz", gzip.compress(content.encode()))):
        path = tmp_path / name
        path.write_bytes(data)
        table = read_table(path, settings=settings, on_progress=shares.append)
        assert table.digest == digest_of(wanted)
        assert table.n_rows == wanted.height
        assert table.origin["reader"]["missing"]["n"] == {"NA": 1}
        assert table.origin["reader"]["options"]["delimiter"] == ","
        assert read_frame(path, settings=settings).equals(wanted)
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert all(0 <= share <= 1 for share in shares)


def test_a_large_file_with_a_damaged_line_leaves_nothing(tiny_blocks, tmp_path, settings):
    (tmp_path / "bad.csv").write_text(lines("1,2"))
    with pytest.raises(WorkbenchError, match=r"2 cells in line 62"):
        read_table(tmp_path / "bad.csv", settings=settings)
    assert list(settings.tables.iterdir()) == []


@given(st.lists(st.integers(0, 9)), st.integers(1, 12), st.integers(1, 8))
def test_a_file_on_the_disk_is_read_whole_and_in_pieces_that_end_with_a_line(lengths, size, n_ahead):
    content = b"\n".join(b"x" * length for length in lengths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_AHEAD_BYTES", n_ahead)
        file = blocks.WholeLines(io.BytesIO(content))
        pieces = list(iter(lambda: file.read(size), b""))
    assert b"".join(pieces) == content
    assert all(size <= len(piece) <= size + n_ahead for piece in pieces[:-1])
    if n_ahead > max(lengths, default=0):
        assert all(piece.endswith(b"\n") for piece in pieces[:-1])


def test_blocks_end_where_rows_end():
    assert end_of_rows(b'a,"x\ny"\nb,"z', ",", quoted=True) == 8
    assert end_of_rows(b'a,"x\ny', ",", quoted=True) == 0
    assert end_of_rows(b'a,"x""\n""y"\nb', ",", quoted=True) == 12
    assert end_of_rows(b'a,5" x\nb,"z\n', ",", quoted=True) == 7
    assert end_of_rows(b'a,"x\ny', ",", quoted=False) == 5


def test_a_column_that_keeps_changing_its_mind_ends_as_text(tiny_blocks, monkeypatch):
    monkeypatch.setattr(streaming, "_MAX_PASSES", 1)
    frame, _ = in_blocks(lines("1.5,w,2,2024-01-01", "x,w,2,2024-01-01").encode())
    assert frame.schema["n"] == pl.String
    assert frame["n"][60] == "1.5"
