"""Malformed and hostile files: each gives a right table or a clear refusal, and nothing is left behind."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from workbench.api.opening import read_table
from workbench.errors import ReadError, WorkbenchError
from workbench.settings import Settings

HEAD = "name,age,city\n"
ROWS = "Ann,31,Rome\nBob,42,Oslo\nCy,53,Bonn\n"


@dataclass(frozen=True)
class Gives:
    """The table that a file must give: its shape, and the values of some columns."""

    rows: int
    columns: int
    values: dict[str, list[Any]] | None = None
    notes: str = ""


@dataclass(frozen=True)
class Refused:
    """Words of the refusal."""

    words: str


def text(content: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content.encode(encoding)) and None


def data(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def zipped(*members: tuple[str, bytes]) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name, content)

    return build


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.csv", "w") as member:
        member.write(b"a,b\n")
        for _ in range(64):
            member.write(b"0,0\n" * (1 << 18))


def lying_zip(path: Path) -> None:
    """Say in the header that the member is small."""
    zip_bomb(path)
    content = bytearray(path.read_bytes())
    place = content.rfind(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 100)
    path.write_bytes(bytes(content))


def zip_with_link(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link.csv")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")


def encrypted_zip(path: Path) -> None:
    zipped(("table.csv", (HEAD + ROWS).encode()))(path)
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(mark)
        content[place + offset] |= 1
    path.write_bytes(bytes(content))


def nested_zip() -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("table.csv", HEAD + ROWS)
    return inner.getvalue()


def parquet(frame: pl.DataFrame, *, cut: int = 0) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()[: -cut or None]


def workbook(*, cut: int = 0, sheets: dict[str, list[list[Any]]] | None = None) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        import openpyxl

        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in (sheets or {"Sheet": [["a", "b"], [1, 2]]}).items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        buffer = io.BytesIO()
        book.save(buffer)
        path.write_bytes(buffer.getvalue()[: -cut or None])

    return build


def sqlite(*, cut: bool = False) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.execute("create table people (name text, age integer)")
        connection.executemany("insert into people values (?, ?)", [(f"p{n}", n) for n in range(5_000)])
        connection.commit()
        connection.close()
        if cut:
            path.write_bytes(path.read_bytes()[:6_000])

    return build


def pickled_npz(path: Path) -> None:
    np.savez(path, x_train=np.array([{"a": 1}], dtype=object), y_train=np.array([1]))


def huge_npz_header(path: Path) -> None:
    """Claim an array of a petabyte."""
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 1000, 1000), }"
    header += b" " * (118 - len(header)) + b"\n"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 100
    zipped(("x_train.npy", member), ("y_train.npy", member))(path)


FIRST = {"name": ["Ann", "Bob", "Cy"], "age": [31, 42, 53]}
CASES: dict[str, tuple[str, Callable[[Path], Any], Gives | Refused]] = {
    # encodings
    "a byte order mark": ("a.csv", text(HEAD + ROWS, "utf-8-sig"), Gives(3, 3, FIRST)),
    "UTF-16 with a mark": ("a.csv", text(HEAD + ROWS, "utf-16"), Gives(3, 3, FIRST)),
    "UTF-16, the other way round": (
        "a.csv",
        data(b"\xfe\xff" + (HEAD + ROWS).encode("utf-16-be")),
        Gives(3, 3, FIRST),
    ),
    "Windows letters": ("a.csv", text("name,age\nJürgen,1\nFrançois,2\n", "cp1252"), Gives(2, 2, {"age": [1, 2]})),
    "a wrong byte after two megabytes": (
        "a.csv",
        data(b"a,b\n" + b"x,1\n" * 500_000 + b"caf\xe9,2\n"),
        Gives(500_001, 2),
    ),
    # nothing, or no text
    "nothing": ("a.csv", data(b""), Refused("empty")),
    "blank lines only": ("a.csv", text("\n \n\n"), Refused("empty")),
    "a header only": ("a.csv", text(HEAD), Refused("no rows")),
    "one row": ("a.csv", text("a,b\n1,x\n"), Gives(1, 2, {"a": [1], "b": ["x"]})),
    "one column": ("a.csv", text("age\n31\n42\n"), Gives(2, 1, {"age": [31, 42]})),
    "a NUL byte in the middle": ("a.csv", data(b"a,b\n1,2\n3,\x004\n"), Refused("NUL|binary")),
    "random bytes": ("a.csv", data(np.random.default_rng(0).bytes(50_000)), Refused("binary|NUL")),
    "a picture called .csv": ("a.csv", data(b"\x89PNG\r\n\x1a\n" + b"\0" * 100), Refused("PNG")),
    "a web page called .csv": (
        "a.csv",
        text("<!DOCTYPE html>\n<html><head><title>Login</title></head>\n<body>Please log in</body></html>\n"),
        Refused("web page|HTML"),
    ),
    # quotes and lines
    "line ends within quotes": ("a.csv", text('a,b\n"x\ny",1\n"z",2\n'), Gives(2, 2, {"a": ["x\ny", "z"]})),
    "delimiters within quotes": ("a.csv", text('a,b\n"x,y",1\n"z",2\n'), Gives(2, 2, {"a": ["x,y", "z"]})),
    "doubled quotes": ("a.csv", text('a,b\n"say ""hi""",1\n"z",2\n'), Gives(2, 2, {"a": ['say "hi"', "z"]})),
    "a quote that never closes": ("a.csv", text('a,b\n"x",1\n"y,2\nz,3\n'), Refused("quote|cell")),
    "stray quotes in tabbed text": (
        "a.tsv",
        text('label\ttext\nham\tsay "hi\nspam\t"win" now\nham\tok\n'),
        Gives(3, 2, {"text": ['say "hi', '"win" now', "ok"]}),
    ),
    "a short line": ("a.csv", text(HEAD + ROWS + "Dee,1\n"), Refused("line 5")),
    "a long line": ("a.csv", text(HEAD + ROWS + "Dee,1,Nice,x\n"), Refused("line 5")),
    "a short line after many": ("a.csv", text("a,b\n" + "1,2\n" * 400_000 + "3\n"), Refused("line 400,002")),
    "blank lines between": ("a.csv", text(HEAD + "\n" + ROWS.replace("\n", "\n\n")), Gives(3, 3, FIRST)),
    "old Mac line ends": ("a.csv", text((HEAD + ROWS).replace("\n", "\r")), Gives(3, 3, FIRST)),
    "mixed line ends": ("a.csv", text(HEAD.replace("\n", "\r\n") + ROWS), Gives(3, 3, FIRST)),
    "a field of twenty megabytes": (
        "a.csv",
        text("a,b\n" + "x" * 20_000_000 + ",1\ny,2\n"),
        Gives(2, 2, {"b": [1, 2]}),
    ),
    # headers
    "repeated names": ("a.csv", text("a,b,a\n1,2,3\n"), Gives(1, 3, {"a": [1], "a_2": [3]})),
    "names left out": ("a.csv", text("a,,c\n1,2,3\n4,5,6\n"), Gives(2, 3, {"a": [1, 4], "c": [3, 6]})),
    "title lines above the header": (
        "a.csv",
        text("Report of sales\nprinted on Monday\n\n" + HEAD + ROWS),
        Gives(3, 3, FIRST),
    ),
    "ten thousand columns": (
        "a.csv",
        text(",".join(f"c{n}" for n in range(10_000)) + "\n" + (",".join("1" * 10_000) + "\n") * 3),
        Gives(3, 10_000),
    ),
    "more columns than allowed": (
        "a.csv",
        text(",".join(f"c{n}" for n in range(10_001)) + "\n" + ",".join("1" * 10_001) + "\n"),
        Refused("10,001 columns.*at most 10,000"),
    ),
    # values
    "dates of three orders mixed": (
        "a.csv",
        text("d,n\n2024-01-31,1\n31.01.2024,2\n01/31/2024,3\n"),
        Gives(3, 2, {"d": ["2024-01-31", "31.01.2024", "01/31/2024"]}),
    ),
    "numbers with units": ("a.csv", text("w,n\n12 kg,1\n13.5 kg,2\n"), Gives(2, 2, {"w": ["12 kg", "13.5 kg"]})),
    "decimal commas": ("a.csv", text("x;y\n1,5;2\n-3,25;4\n"), Gives(2, 2, {"x": [1.5, -3.25]})),
    "thousands in quotes": ("a.csv", text('x,y\n"1,234,567",1\n"2,000",2\n'), Gives(2, 2, {"x": [1_234_567, 2_000]})),
    "codes with leading zeros": ("a.csv", text("zip,n\n01067,1\n99084,2\n"), Gives(2, 2, {"zip": ["01067", "99084"]})),
    "numbers of forty digits": ("a.csv", text("n,k\n" + "9" * 40 + ",1\n1,2\n"), Gives(2, 2, {"n": ["9" * 40, "1"]})),
    "numbers beyond every float": ("a.csv", text("x,k\n1e999,1\n2.5,2\n"), Gives(2, 2, {"x": [None, 2.5]})),
    "a column of nothing": ("a.csv", text("a,b\n,1\n,2\n"), Gives(2, 2, {"a": [None, None]})),
    "a column of NaN": ("a.csv", text("a,b\nNaN,1\nNaN,2\n"), Gives(2, 2, {"a": [None, None]})),
    "numbers and words mixed": ("a.csv", text("a,b\n1,1\ntwo,2\n3,3\n"), Gives(3, 2, {"a": ["1", "two", "3"]})),
    "a word after half a million numbers": (
        "a.csv",
        text("a,b\n" + "1,2\n" * 500_000 + "x,2\n"),
        Gives(500_001, 2),
    ),
    "ten thousand categories": (
        "a.csv",
        text("a,b\n" + "".join(f"w{n},{n % 2}\n" for n in range(10_000))),
        Gives(10_000, 2),
    ),
    # packed
    "gzip cut short": ("a.csv.gz", data(gzip.compress((HEAD + ROWS * 5_000).encode())[:-20]), Refused("gzip")),
    "a gzip bomb": ("a.csv.gz", data(gzip.compress(b"a,b\n" + b"0,0\n" * (1 << 26))), Refused("unpacks|times")),
    "a zip with one table": ("a.zip", zipped(("t.csv", (HEAD + ROWS).encode())), Gives(3, 3, FIRST)),
    "a zip bomb": ("a.zip", zip_bomb, Refused("unpack|times")),
    "a zip that lies about its size": ("a.zip", lying_zip, Refused("unpack|times|damaged|size")),
    "a zip in a zip": ("a.zip", zipped(("inner.zip", nested_zip())), Refused("archive|zip")),
    "a zip that climbs out": (
        "a.zip",
        zipped(("../../evil.csv", (HEAD + ROWS).encode())),
        Refused("outside|path|\\.\\."),
    ),
    "a zip with an absolute path": (
        "a.zip",
        zipped(("/tmp/evil.csv", (HEAD + ROWS).encode())),
        Refused("outside|path"),
    ),
    "a zip with a link": ("a.zip", zip_with_link, Refused("link|no table|nothing")),
    "an encrypted zip": ("a.zip", encrypted_zip, Refused("encrypt|password")),
    "a zip with two tables": (
        "a.zip",
        zipped(("one.csv", (HEAD + ROWS).encode()), ("two.csv", (HEAD + ROWS).encode())),
        Refused("one.csv.*two.csv|member"),
    ),
    "a zip cut short": ("a.zip", data(nested_zip()[:-30]), Refused("zip|ZIP")),
    # other formats
    "Parquet cut short": ("a.parquet", data(parquet(pl.DataFrame({"a": [1, 2]}), cut=20)), Refused("Parquet")),
    "Parquet with lists": ("a.parquet", data(parquet(pl.DataFrame({"a": [[1], [2, 3]]}))), Refused("type")),
    "a workbook cut short": ("a.xlsx", workbook(cut=200), Refused("workbook|Excel|zip|ZIP")),
    "an empty workbook": ("a.xlsx", workbook(sheets={"Empty": []}), Refused("empty|no table|no rows")),
    "SQLite cut short": ("a.sqlite", sqlite(cut=True), Refused("SQLite|database")),
    "JSON cut short": ("a.json", text('[{"a": 1}, {"a":'), Refused("JSON")),
    "a single JSON number": ("a.json", text("42"), Refused("JSON|row|header|column")),
    "JSON nested thousands deep": ("a.json", text("[" * 50_000 + "]" * 50_000), Refused("nested|JSON")),
    "a broken line of NDJSON": (
        "a.ndjson",
        text('{"a": 1}\n{"a": 2}\n{"a": oops}\n{"a": 4}\n'),
        Refused("line 3|JSON"),
    ),
    "pickled objects in .npz": ("a.npz", pickled_npz, Refused("object|pickle")),
    "an array of a petabyte": ("a.npz", huge_npz_header, Refused("unpack|size|MiB|damaged|short")),
}


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", models=tmp_path / "models", max_unpacked_mib=32, max_upload_mib=256)


@pytest.mark.parametrize("case", CASES)
def test_a_malformed_file_gives_a_right_table_or_a_clear_refusal(case: str, tmp_path: Path, small: Settings):
    name, build, wanted = CASES[case]
    (tmp_path / "given").mkdir()
    path = tmp_path / "given" / name
    build(path)
    before = {entry for entry in tmp_path.rglob("*") if "home" not in entry.parts}
    if isinstance(wanted, Refused):
        with pytest.raises(ReadError) as caught:
            read_table(path, settings=small)
        message = str(caught.value)
        assert re.search(wanted.words, message, re.IGNORECASE | re.DOTALL), message
        assert len(message) < 1_000, "a message is read by people"
        assert not [entry for entry in (small.home / "tables").glob("*")], "half a table was left"
    else:
        table = read_table(path, settings=small)
        assert (table.n_rows, table.n_columns) == (wanted.rows, wanted.columns)
        for column, values in (wanted.values or {}).items():
            assert table.frame()[column].to_list() == values
    assert {entry for entry in tmp_path.rglob("*") if "home" not in entry.parts} == before, "a file was written outside"


def test_there_are_at_least_fifty_of_them():
    assert len(CASES) >= 50


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "no permission", "link to nowhere"])
def test_what_is_no_file_is_refused_and_never_waited_for(kind: str, tmp_path: Path, small: Settings):
    path = tmp_path / "thing.csv"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "no permission":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        path.write_text(HEAD + ROWS)
        path.chmod(0)
    else:
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(WorkbenchError, match=r"[Nn]eeded"):
        read_table(path, settings=small)


@pytest.mark.parametrize("name", ["a\nb.csv", "ünïcode 🐍.csv", "x" * 200 + ".csv", "-rf.csv", "a;b'c\".csv"])
def test_odd_file_names_are_only_names(name: str, tmp_path: Path, small: Settings):
    path = tmp_path / name
    path.write_text(HEAD + ROWS)
    assert read_table(path, settings=small).n_rows == 3


def test_the_command_line_survives_malformed_files_without_a_traceback(tmp_path: Path, small: Settings, monkeypatch):
    from typer.testing import CliRunner

    from workbench.cli import app

    for name, value in small.to_environment().items():
        monkeypatch.setenv(name, value)
    for case in ("random bytes", "a short line", "a zip that climbs out", "SQLite cut short"):
        name, build, _ = CASES[case]
        path = tmp_path / name
        build(path)
        result = CliRunner().invoke(app, ["read", str(path)])
        assert isinstance(result.exception, WorkbenchError), case


def test_json_that_repeats_a_key_or_mixes_types_says_what_it_did(tmp_path: Path, small: Settings):
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps([{"a": 1, "b": "x"}, {"a": "two", "b": "y"}, {"b": "z"}]))
    table = read_table(path, settings=small)
    assert table.frame()["a"].to_list() == ["1", "two", None]
