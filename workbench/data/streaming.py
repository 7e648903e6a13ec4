"""Delimited text of any size to typed batches: form and types from examples, checked at every cell.

The form and the types are supposed from the beginning of the file and from places spread over it. Then one pass reads
the file in blocks. A cell that doesn't fit what was supposed ends the pass, when all misfits of the file are known, and
the next pass knows better; after a few passes a column that still has misfits is text.
"""

from __future__ import annotations

import codecs
import io
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, BinaryIO, cast

import polars as pl

from workbench.data.blocks import (
    BLOCK_BYTES,
    Block,
    WholeLines,
    WrongEncodingError,
    cut_blocks,
    end_of_rows,
    is_short,
    may_enter_anywhere,
    pieces,
)
from workbench.data.cell_types import Plan
from workbench.data.cells import CellRules, Tally, recognise, report_of, settle_marks, unrepeated_marks
from workbench.data.delimited import (
    ENCODINGS,
    QUOTES_KEPT,
    TextReport,
    Utf8Damage,
    damaged_text,
    ends_of_rows,
    is_utf8,
    layout_of,
    named_for,
    names_line,
    no_rows_behind,
    not_utf8,
    propose_footer,
    proposing_footer,
    recode,
    refuse_binary,
    utf8_damage,
)
from workbench.data.footers import Footer, find_footer
from workbench.data.rows import Layout, OpenQuoteError, read_rows
from workbench.data.sniffing import Form, find_form
from workbench.data.spec import ReaderOptions
from workbench.data.typed_blocks import BlockReader, Typed, type_block
from workbench.errors import ReadError

HEAD_BYTES = 16 * 1024 * 1024
_SNIFFED_BYTES = 512 * 1024
_PROBES = 8
_PROBE_BYTES = 64 * 1024
_MAX_PASSES = 4
_PLAINLY_BAD = 20  # places in the beginning
_WORKERS = min(4, os.cpu_count() or 1)


class NextPassError(Exception):
    """The file must be read once more, since something in it was other than supposed."""


class _RefusedBlockError(Exception):
    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block


class LargeText:
    """A file of delimited text that is read in blocks.

    Parameters
    ----------
    open_stream : callable
        Opens the (unpacked) bytes at their start.
    name : str
        For messages.
    options : ReaderOptions
    max_columns : int
    tabs : bool
        Prefer tabs where the delimiter is in doubt.
    on_bytes : callable, optional
        Called with the number of bytes read so far.

    Raises
    ------
    ReadError
        If the beginning shows already that it can't be read.
    """

    def __init__(
        self,
        open_stream: Callable[[], BinaryIO],
        *,
        name: str,
        options: ReaderOptions,
        max_columns: int,
        tabs: bool,
        on_bytes: Callable[[int], object] | None = None,
    ) -> None:
        self._open = open_stream
        self._name = name
        self._options = options
        self._on_bytes = on_bytes
        with open_stream() as stream:
            head = stream.read(_SNIFFED_BYTES)
            probes = self._probe(stream)
        refuse_binary(head, name, may_hold_nul=bool(options.encoding))
        self._old_mac = b"\n" not in head and b"\r" in head
        self._damage: Utf8Damage | None = None
        self._encodings, text = self._find_encoding(head)
        self._n_blank = len(text) - len(text.lstrip(b"\n"))
        text = text[self._n_blank :]
        self._form = find_form(
            text, name=name, max_columns=max_columns, tabs=tabs, options=options, n_skipped=self._n_blank
        )
        self._layout = layout_of(self._form, name, self._n_blank)
        self._rules = CellRules.of(options, prefers_comma=self._form.delimiter != ",")
        self._quoted, self._quote_error = self._suppose_quotes(text), None
        self._tried_quotes: dict[bool, ReadError | None] = {}
        self._examples = self._first_examples(text, probes)
        self._without_marks: set[str] = set()
        self._plans = {column: self._recognise(column, cells) for column, cells in self._examples.items()}
        self._plans = settle_marks(self._plans, self._examples, self._rules)
        self._had_filler = self._form.ends_empty
        if self._form.ends_empty:
            self._plans[self._filler] = Plan(is_unknown=True)
        self._n_passes = 0
        self._footer: Footer | None = None
        self._tallies: dict[str, Tally] = {}
        self._has_quotes = False

    def batches(self) -> Iterator[pl.DataFrame]:
        """Read the file once.

        Raises
        ------
        NextPassError
            If what was given so far is to be thrown away, and the file to be read again.
        ReadError
            If the file can't be read.
        """
        self._n_passes += 1
        self._footer = None
        self._tallies = {column: Tally() for column in self._form.header}
        misfits: dict[str, list[pl.Series]] = {}
        n_rows, has_doubt = 0, False
        try:
            for typed in self._typed_blocks():
                n_rows += typed.n_rows
                has_doubt |= typed.has_doubt
                for column, examples in typed.misfits.items():
                    misfits.setdefault(column, []).append(examples)
                for column, tally in typed.tallies.items():
                    self._tallies[column].add(tally)
                if typed.frame is not None and not misfits and typed.frame.height:
                    yield typed.frame.drop(self._filler) if self._form.ends_empty else typed.frame
        except WrongEncodingError as wrong:
            raise self._next_encoding(wrong) from wrong
        except ReadError as error:
            if isinstance(error, OpenQuoteError) and not has_doubt:
                raise
            raise self._other_quotes(proposing_footer(error, self._footer, self._options)) from error
        if has_doubt and self._options.quoted is None and len(self._form.header) > 1 and self._lines_are_even():
            raise self._other_quotes(None)
        for column, tally in self._tallies.items():
            codes = tally.country_codes(self._plans[column])
            if codes is not None:
                misfits.setdefault(column, []).append(codes)
            marks = unrepeated_marks(self._plans[column], tally, self._rules)
            if marks is not None:
                self._without_marks.add(column)
                misfits.setdefault(column, []).append(marks)
        if misfits:
            raise self._widen(misfits)
        if not n_rows:
            raise no_rows_behind(self._name, len(self._form.header))

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self._form.header[:-1] if self._form.ends_empty else self._form.header

    @property
    def _filler(self) -> str:
        """Name of the empty column behind a delimiter that ends each row, where that is so."""
        return self._form.header[-1]

    @property
    def report(self) -> dict[str, Any]:
        """What was recognised; complete when all batches are read."""
        plans, tallies = self._plans, self._tallies
        if self._form.ends_empty:
            plans = {column: plan for column, plan in plans.items() if column != self._filler}
            tallies = {column: tally for column, tally in tallies.items() if column != self._filler}
        cells = report_of(plans, tallies)
        notes = [] if self._encodings[0] == "utf-8" or self._options.encoding else [not_utf8(self._encodings[0])]
        notes = [note for note in notes if not self._encodings[0].startswith("utf-16")]
        notes += [self._damage.note] if self._damage else []
        notes += self._form.notes
        if self._form.ends_empty or self._had_filler:
            notes.append(ends_of_rows(self._form) if self._form.ends_empty else named_for(self._form))
        if self._footer is not None and self._leaves_out(self._footer):
            notes.append(self._footer.note)
        if self._has_quotes and not self._quoted:
            notes.append(QUOTES_KEPT)
        text = TextReport(
            encoding=self._encodings[0],
            delimiter=self._form.delimiter,
            quoted=self._quoted and self._has_quotes,
            header_line=self._form.header_line,
            notes=notes,
            proposed=dict(self._form.proposed),
        )
        propose_footer(text, self._footer, self._options)
        return {
            "text": text,
            "cells": cells,
            "plans": plans,
        }

    def _probe(self, stream: BinaryIO) -> list[bytes]:
        """Give pieces spread over the file, where it can be entered anywhere."""
        if not may_enter_anywhere(stream):
            return []
        size, found = os.fstat(stream.fileno()).st_size, []
        for place in range(1, _PROBES + 1):
            stream.seek(size * place // (_PROBES + 1))
            found.append(stream.read(_PROBE_BYTES))
        return found

    def _find_encoding(self, head: bytes) -> tuple[list[str], bytes]:
        """Give the encodings that come into question, and the head as UTF-8 with newlines."""
        report = TextReport()
        cut = len(head) - len(head) % 4
        if b"\n" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")) and not self._options.encoding:
            cut = head.rfind(b"\n") + 1
        try:
            text = recode(head[:cut], self._name, report, self._options.encoding)
        except ReadError:
            # Cut within a character; the pass through the whole file will tell damage from that.
            cut = head.rfind(b"\n") + 1
            text = recode(head[:cut], self._name, report, self._options.encoding)
        if report.damage or report.encoding in ENCODINGS[1:]:
            self._damage = self._slight_damage(head[:cut])
            if self._damage is not None:
                report.encoding = "utf-8"
                text = head[:cut].removeprefix(codecs.BOM_UTF8).decode(errors="replace").encode()
            elif report.damage:
                report = TextReport()
                text = recode(head[:cut], self._name, report, ENCODINGS[1])
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n" if self._old_mac else b" ")
        if self._options.encoding or report.encoding.startswith("utf-16"):
            return [report.encoding], text
        return list(ENCODINGS[ENCODINGS.index(report.encoding) :]), text

    def _slight_damage(self, head: bytes = b"") -> Utf8Damage | None:
        """Look through the whole file for bytes that aren't UTF-8; None where they aren't few among many that are."""
        if self._options.encoding and not is_utf8(self._options.encoding):
            return None
        here = utf8_damage(head)
        if here.n_bad > _PLAINLY_BAD and not here.is_slight:
            return None  # its beginning shows already that it is in an older encoding
        found, n_lines, rest = Utf8Damage(), 0, b""
        with self._open() as stream:
            while part := stream.read(BLOCK_BYTES):
                part = rest + part
                cut = part.rfind(b"\n") + 1 or len(part)
                part, rest = part[:cut], part[cut:]
                if not part.isascii():
                    found = utf8_damage(part).behind(found, n_lines)
                n_lines += part.count(b"\n")
        found = utf8_damage(rest).behind(found, n_lines)
        return found if found.is_slight else None

    def _suppose_quotes(self, text: bytes) -> bool:
        if self._options.quoted is not None:
            return self._options.quoted
        body = text[self._form.start :]
        body = body[: end_of_rows(body, self._form.delimiter, quoted=True)].rstrip(b"\n")
        if b'"' not in body:
            return True
        try:
            return read_rows(names_line(self._form) + body, self._layout)[1]
        except ReadError:
            return True

    def _first_examples(self, text: bytes, probes: list[bytes]) -> dict[str, pl.Series]:
        body = text[self._form.start :]
        parts = [body[: end_of_rows(body, self._form.delimiter, quoted=self._quoted)]]
        if b'"' not in text and self._encodings[0] == "utf-8":
            whole = [part[part.find(b"\n") + 1 : part.rfind(b"\n") + 1].replace(b"\r", b"") for part in probes]
            parts += [part if part.isascii() else part.decode(errors="replace").encode() for part in whole]
        read = [_strings(part.strip(b"\n"), self._layout, self._form, self._quoted) for part in parts]
        frames = [frame for frame in read if frame is not None]
        if not frames:
            return {column: pl.Series(column, [], dtype=pl.String) for column in self._form.header}
        return {series.name: series for series in pl.concat(frames)}

    def _typed_blocks(self) -> Iterator[Typed]:
        reader = BlockReader(self._layout, names_line(self._form), self._quoted, self._plans, self._rules)
        line = 0
        for future in self._in_reading(reader):
            try:
                typed = future.result()
            except _RefusedBlockError as refused:  # only here it is known at which line it begins
                typed = type_block(replace(refused.block, line=line), reader)
            line += typed.n_newlines
            yield typed

    def _in_reading(self, reader: BlockReader) -> Iterator[Future[Typed]]:
        with ThreadPoolExecutor(_WORKERS, "reading") as pool:
            waiting: deque[Future[Typed]] = deque()
            try:
                for block in self._blocks():
                    self._has_quotes |= block.has_quotes
                    waiting.append(pool.submit(_type_block, block, reader))
                    del block
                    if len(waiting) > _WORKERS:
                        yield waiting.popleft()
                while waiting:
                    yield waiting.popleft()
            finally:
                for future in waiting:
                    future.cancel()

    def _blocks(self) -> Iterator[Block]:
        with self._open() as stream:
            lines = WholeLines(stream) if may_enter_anywhere(stream) else stream
            parts = pieces(
                cast("BinaryIO", _Counted(cast("BinaryIO", lines), self._on_bytes)),
                self._encodings[0],
                name=self._name,
                old_mac=self._old_mac,
                lossy=self._damage is not None,
            )
            yield from self._without_footer(
                cut_blocks(self._behind_header(parts), self._form.delimiter, quoted=self._quoted, name=self._name)
            )

    def _without_footer(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Leave out the lines below the rows; one block is held back, since it may be the last."""
        held: Block | None = None
        for block in blocks:
            if held is not None and is_short(block):
                # The last lines may be notes that began in the block before.
                block = Block(b"\n".join((held.data.rstrip(b"\n"), block.data)), held.has_quotes or block.has_quotes)
            elif held is not None:
                yield held
            held = block
        if held is None:
            return
        self._footer = find_footer(
            held.data,
            self._form.delimiter,
            n_columns=self._layout.n_columns,
            quoted=self._quoted,
            n_lines=self._options.footer_lines,
        )
        if self._footer is not None and self._leaves_out(self._footer):
            data = held.data[: self._footer.start].rstrip(b"\n")
            held = Block(data, held.has_quotes and b'"' in data)
        yield held

    def _leaves_out(self, footer: Footer) -> bool:
        return footer.is_sure or bool(self._options.footer_lines)

    def _behind_header(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        to_skip = self._n_blank + self._form.start
        for part in parts:
            skipped = min(to_skip, len(part))
            to_skip -= skipped
            if skipped < len(part):
                yield part[skipped:]

    def _next_encoding(self, wrong: WrongEncodingError) -> Exception:
        if self._damage is None and is_utf8(self._encodings[0]):
            self._damage = self._slight_damage()
            if self._damage is not None:
                return NextPassError()
        if len(self._encodings) == 1:
            return damaged_text(self._name, self._encodings[0], wrong.error)
        self._encodings = self._encodings[1:]
        return NextPassError()

    def _other_quotes(self, error: ReadError | None) -> Exception:
        """Take quotes for letters, or no longer for letters, if that wasn't tried yet."""
        self._tried_quotes[self._quoted] = error
        if self._options.quoted is None and (self._has_quotes or error is None) and len(self._tried_quotes) == 1:
            self._quoted = not self._quoted
            return NextPassError()
        return self._tried_quotes.get(True) or error or NextPassError()

    def _lines_are_even(self) -> bool:
        """Whether each line has as many cells as the header, if quotes are letters: then they are."""
        if self._tried_quotes:
            return False
        mark = self._form.delimiter.encode()
        with self._open() as stream:
            parts = pieces(
                stream,
                self._encodings[0],
                name=self._name,
                old_mac=self._old_mac,
                lossy=self._damage is not None,
            )
            cut = cut_blocks(self._behind_header(parts), self._form.delimiter, quoted=False, name=self._name)
            for block in self._without_footer(cut):
                lines = [line for line in block.data.split(b"\n") if line.strip()]
                if any(line.count(mark) != len(self._form.header) - 1 for line in lines):
                    return False
        return True

    def _widen(self, misfits: dict[str, list[pl.Series]]) -> NextPassError:
        if self._form.ends_empty and self._filler in misfits:
            self._form.ends_empty = False  # there is a value in it after all
        for column, found in misfits.items():
            if self._n_passes >= _MAX_PASSES:
                self._plans[column] = replace(Plan(), by_hand=self._plans[column].by_hand)
                continue
            examples = pl.concat([self._examples[column], *found])
            self._examples[column] = examples
            self._plans[column] = self._recognise(column, examples)
        self._plans = settle_marks(self._plans, self._examples, self._rules)
        return NextPassError()

    def _recognise(self, column: str, examples: pl.Series) -> Plan:
        # Marks for missing are supposed of one alone; when all are counted, those that occur once are words again.
        return recognise(examples, self._rules, least_marks=column not in self._without_marks)


class _Counted(io.RawIOBase):
    """A stream that tells how far it is read."""

    def __init__(self, stream: BinaryIO, on_bytes: Callable[[int], object] | None) -> None:
        self._stream = stream
        self._on_bytes = on_bytes
        self._n_bytes = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._n_bytes += len(data)
        if self._on_bytes is not None:
            self._on_bytes(self._n_bytes)
        return data


def _type_block(block: Block, reader: BlockReader) -> Typed:
    try:
        return type_block(block, reader)
    except ReadError as error:
        raise _RefusedBlockError(block) from error


def _strings(body: bytes, layout: Layout, form: Form, quoted: bool) -> pl.DataFrame | None:
    if not body:
        return None
    try:
        frame, _ = read_rows(names_line(form) + body, layout, quoted=quoted)
    except ReadError:
        return None  # the pass through the whole file says what is wrong, and where
    return frame.rename(dict(zip(frame.columns, form.header, strict=True)))
