"""Gzip and zip: one table out of them, and nothing that an attacker put in."""

from __future__ import annotations

import gzip
import io
import json
import stat
import struct
import tarfile
import zipfile
from dataclasses import replace

import polars as pl
import pytest

from workbench.data import read_table
from workbench.data.formats import ENDINGS, open_format, open_member
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

CSV = b"a,b\n1,x\n2,y\n"
JSON = json.dumps([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]).encode()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_parquet(buffer)
    return buffer.getvalue()


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def workbook() -> bytes:
    import openpyxl

    buffer = io.BytesIO()
    book = openpyxl.Workbook()
    for row in [["a", "b"], [1, "x"], [2, "y"]]:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path, settings):
    def read_(content, name="a.zip", limits=None, **options):
        path = tmp_path / name
        path.write_bytes(content)
        return read_table(path, options=ReaderOptions(**options), settings=replace(settings, **(limits or {})))

    return read_


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", gzip.compress(CSV)),
        ("a.json.gz", gzip.compress(JSON)),
        ("a.parquet.gz", gzip.compress(parquet())),
        ("a.xlsx.gz", gzip.compress(workbook())),
        ("a.gz", gzip.compress(CSV) + gzip.compress(b"3,z\n")[:0]),
        ("a.zip", zipped(("folder/t.csv", CSV), ("README.txt", b"hello"), ("__MACOSX/._t.csv", b"\0"))),
        ("b.zip", zipped(("t.json", JSON), (".DS_Store", b"x"))),
        ("c.zip", zipped(("t.parquet", parquet()))),
        ("d.zip", zipped(("t.xlsx", workbook()))),
        ("e.zip", zipped(("t.csv", CSV), compression=zipfile.ZIP_BZIP2)),
        ("f.zip", zipped(("t.csv", CSV), compression=zipfile.ZIP_LZMA)),
        ("g.zip", zipped(("data", CSV))),
        ("h.zip", zipped(("t.csv.gz", gzip.compress(CSV)))),
    ],
)
def test_one_table_is_read_out_of_whatever_packs_it(read, settings, name, content):
    if name == "h.zip":
        with pytest.raises(ReadError, match=r"another archive \(t.csv.gz\)"):
            read(content, name)
        return
    assert read(content, name).frame().rows() == [(1, "x"), (2, "y")]
    assert [entry.name for entry in settings.tables.iterdir() if entry.name.startswith(".")] == []


def test_several_tables_ask_for_a_choice(read, tmp_path, settings):
    content = zipped(("one.csv", CSV), ("two.json", JSON), ("notes.md", b"x"))
    with pytest.raises(ReadError, match=r"with 2 tables \(one.csv, two.json\).*member="):
        read(content)
    assert read(content, member="two.json").n_rows == 2
    assert read(content, member="one.csv").origin["reader"]["options"]["member"] == "one.csv"
    with pytest.raises(ReadError, match=r"Got member 'tow.json'.*Did you mean 'two.json'"):
        read(content, member="tow.json")
    with open_member(tmp_path / "a.zip", options=ReaderOptions(), settings=settings, first=True) as member:
        assert member.read() == CSV
        assert (member.member, member.choices) == ("one.csv", ["one.csv", "two.json"])


def test_what_leads_out_is_a_link_or_hidden_is_left_out_and_said(read, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("good.csv", CSV)
        for name in ("../evil.csv", "/etc/evil.csv", "C:\\evil.csv", "a/../../evil.csv"):
            archive.writestr(zipfile.ZipInfo(name), b"a\n666\n")
        link = zipfile.ZipInfo("link.csv")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    table = read(buffer.getvalue())
    assert table.frame().rows() == [(1, "x"), (2, "y")]
    notes = " ".join(table.origin["reader"]["notes"])
    assert "outside the archive" in notes and "'link.csv' was left out: it is a link" in notes
    assert not list(tmp_path.parent.glob("evil*")) and not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("name", ["../evil.csv", "/evil.csv", "\\\\host\\evil.csv", "x/../../../evil.csv"])
def test_an_archive_of_nothing_else_is_refused(read, name):
    info = zipfile.ZipInfo("x")
    info.filename = name
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, CSV)
    with pytest.raises(ReadError, match=r"outside the archive"):
        read(buffer.getvalue())


def test_encrypted_members_are_refused(read):
    content = bytearray(zipped(("t.csv", CSV)))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(mark) + offset] |= 1
    with pytest.raises(ReadError, match=r"'t.csv' was left out: it is encrypted; pack it without a password"):
        read(bytes(content))


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("t.csv")
        info.size = len(CSV)
        archive.addfile(info, io.BytesIO(CSV))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", zipped(("inner.zip", zipped(("t.csv", CSV)))), r"another archive \(inner.zip\) in it"),
        ("a.zip", zipped(("t.csv", zipped(("t.csv", CSV)))), r"another archive \(t.csv\) in it"),
        ("a.gz", gzip.compress(gzip.compress(CSV)), r"another archive"),
        ("a.csv.gz", gzip.compress(zipped(("t.csv", CSV))), r"another archive"),
        ("a.tar.gz", gzip.compress(_tar()), r"another archive"),
        ("a.tar", _tar(), r"a tar archive"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(50), r"a 7z archive"),
        ("a.zip", zipped(("one.doc", b"x"), ("two.doc", b"y")), r"no table among its 2 files"),
        ("a.zip", zipped(), r"without a file"),
        ("a.zip", zipped(("t.csv", CSV))[:-10], r"damaged ZIP archive"),
        ("a.zip", zipped(("t.csv", b"a,b\n" + b"1,2\n" * 9_000))[:60], r"damaged ZIP archive"),
        ("a.csv.gz", gzip.compress(CSV * 5_000)[:-40], r"damaged"),
        ("a.csv.gz", gzip.compress(CSV)[:15], r"damaged"),
        ("a.npy", b"\x93NUMPY\x01\x00" + bytes(100), r"a single NumPy array"),
        ("a.pkl", b"\x80\x04\x95" + bytes(100), r"a Python pickle.*never opened"),
        ("a.csv", b"<!DOCTYPE html><html><body>Log in</body></html>", r"a web page"),
        ("a.csv", b"<?xml version='1.0'?><x/>", r"an XML document"),
        ("a.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(30), r"a sound file.*Sound isn't read"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(100), r"a single PNG image.*one folder of images a class"),
    ],
)
def test_nested_foreign_and_damaged_files_are_refused_in_words(read, settings, name, content, words):
    with pytest.raises(ReadError, match=words):
        read(content, name)
    assert not settings.tables.exists() or list(settings.tables.iterdir()) == []


def _bomb(n_mib: int) -> bytes:
    return b"a,b\n" + b"0,0\n" * (n_mib << 18)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", gzip.compress(_bomb(40))),
        ("a.zip", zipped(("t.csv", _bomb(40)))),
        ("b.zip", zipped(("t.json", b"[" + b" " * (40 << 20) + b"]"))),
        ("c.zip", zipped(("t.parquet", b"PAR1" + bytes(40 << 20)))),
    ],
)
def test_a_bomb_is_refused_by_its_ratio_and_by_its_size(read, name, content):
    with pytest.raises(ReadError, match=r"unpacks to more than 200 times its size, as a bomb does"):
        read(content, name)
    limits = {"max_unpacked_mib": 5, "max_archive_ratio": 10**6}
    with pytest.raises(ReadError, match=r"unpacks to more than 5 MiB.*WORKBENCH_MAX_UNPACKED_MIB"):
        read(content, name, limits)


def test_a_bomb_that_lies_about_its_size_is_refused_all_the_same(read):
    for claimed in (10, 0xFFFFFFF0):
        content = bytearray(zipped(("t.csv", _bomb(40))))
        place = content.rfind(b"PK\x01\x02")
        content[place + 24 : place + 28] = struct.pack("<I", claimed)
        with pytest.raises(ReadError, match=r"as a bomb does|damaged ZIP archive"):
            read(bytes(content))
    content = bytearray(zipped(("t.csv", _bomb(40))))
    place = content.rfind(b"PK\x01\x02")
    content[place + 20 : place + 24] = struct.pack("<I", 0x7FFFFFFF)  # the packed size, to make the ratio look harmless
    with pytest.raises(ReadError, match=r"as a bomb does|damaged ZIP archive"):
        read(bytes(content))


def test_members_that_overlap_dont_unpack_again_and_again(read):
    inner = zipped(("t.csv", _bomb(8)))
    local, central = inner[: inner.rfind(b"PK\x01\x02")], inner[inner.rfind(b"PK\x01\x02") :]
    entry = central[: central.rfind(b"PK\x05\x06")]
    many = b"".join(entry.replace(b"t.csv", b"%05d" % n) for n in range(1_000))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1_000, 1_000, len(many), len(local), 0)
    with pytest.raises(ReadError):
        read(local + many + end)


def test_a_list_of_members_that_would_fill_the_memory_is_refused(read):
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFF0, 0, 0)
    with pytest.raises(ReadError, match=r"list of members of 4,096 MiB"):
        read(zipped(("t.csv", CSV))[:-22] + end)


def test_repetitive_tables_below_16_mib_are_no_bombs(read):
    assert read(gzip.compress(_bomb(4)), "a.csv.gz").n_rows == 4 << 18


def test_text_is_left_to_the_reader_of_text(tmp_path, settings):
    for name, content in (("a.csv", CSV), ("a.csv.gz", gzip.compress(CSV)), ("a.zip", zipped(("t.tsv", CSV)))):
        (tmp_path / name).write_bytes(content)
        assert open_format(tmp_path / name, options=ReaderOptions(), settings=settings) is None
        with open_member(tmp_path / name, options=ReaderOptions(), settings=settings) as member:
            assert member.read() == CSV
    assert member.display_name == "a.zip/t.tsv"


def test_endings_are_for_upload_fields():
    assert {".csv", ".parquet", ".xlsx", ".zip", ".npz", ".json"} <= set(ENDINGS)
    assert all(ending.startswith(".") and ending == ending.lower() for ending in ENDINGS)
