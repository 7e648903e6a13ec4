"""A file of delimited text: at once in memory where it is small, in blocks where it is large."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import polars as pl

from workbench.data.aligned import NOTE, SPACES, Alignment, find_alignment
from workbench.data.cell_types import Plan
from workbench.data.cells import CellReport, CellRules, Tally, convert, recognise, report_of, settle_marks
from workbench.data.delimited import TextReport, read_delimited
from workbench.data.expecting import columns_document, order_of
from workbench.data.formats import open_member
from workbench.data.formats.typing_by_hand import check_types
from workbench.data.rows import ALIGNED, title_of
from workbench.data.spec import ReaderOptions
from workbench.data.streaming import HEAD_BYTES, LargeText
from workbench.settings import Settings, current


@dataclass
class TextFile:
    """A file of delimited text that was opened.

    Parameters
    ----------
    frame : DataFrame or None
        All rows, where the file is small.
    large : LargeText or None
        Gives the rows, where it isn't.
    options : ReaderOptions
        As given.
    found : dict
        What is known from opening: the members of an archive, notes.
    """

    frame: pl.DataFrame | None
    large: LargeText | None
    options: ReaderOptions
    found: dict[str, Any] = field(default_factory=dict)

    def batches(self) -> Iterator[pl.DataFrame]:
        """Give all rows once."""
        if self.large is not None:
            yield from self.large.batches()
        elif self.frame is not None:
            yield self.frame

    @property
    def report(self) -> dict[str, Any]:
        """What was recognised, as it stands in the origin under ``reader``."""
        document = report_document(**self.large.report, options=self.options) if self.large else self.found["reader"]
        options = {**document["options"], "member": self.found.get("member")}
        return {**document, "options": options, "notes": [*self.found.get("notes", []), *document["notes"]]}


def open_text(
    path: Path,
    *,
    options: ReaderOptions,
    settings: Settings,
    on_progress: Callable[[float], object] | None = None,
    n_bytes: int | None = None,
) -> TextFile:
    """Open delimited text, out of gzip or zip where it is packed.

    Parameters
    ----------
    path : Path
    options : ReaderOptions
    settings : Settings
    on_progress : callable, optional
        Called with the share of the file that is read, as far as it can be known.
    n_bytes : int, optional
        Read no more than about so many bytes, for a look.

    Raises
    ------
    ReadError
        If it can't be read.
    """
    limit = min(settings.max_upload_mib, settings.max_unpacked_mib)
    limits = replace(settings, max_unpacked_mib=limit)

    with open_member(path, options=options, settings=limits, first=n_bytes is not None) as member:
        name = member.display_name or path.name
        found: dict[str, Any] = {"member": member.member, "choices": member.choices, "notes": list(member.notes)}
        head = member.read(min(HEAD_BYTES, n_bytes or HEAD_BYTES))
        is_whole = at_end = not member.read(1)
    if n_bytes is not None and not is_whole and b"\n" in head:
        head, is_whole = head[: head.rfind(b"\n") + 1], True
    tabs = ".tsv" in name.lower()
    if is_whole:
        frame, reader = parse_content(head, name=name, options=options, settings=settings, is_whole=at_end)
        return TextFile(frame, None, options, {**found, "reader": reader})
    size = path.stat().st_size
    alignment = find_alignment(head[: head.rfind(b"\n") + 1], options)

    def open_stream() -> BinaryIO:
        opened = cast("BinaryIO", open_member(path, options=options, settings=limits, first=False))
        return alignment.stream(opened) if alignment else opened

    def tell(n_read: int) -> None:
        if on_progress is not None:
            on_progress(min(n_read / size, 1.0) if member.member is None else 0.5)

    if alignment:
        found["notes"] = [*found["notes"], NOTE]
    large = LargeText(
        open_stream,
        name=name,
        options=_delimited(options, alignment),
        max_columns=settings.max_columns,
        tabs=tabs,
        on_bytes=tell,
    )
    check_types(options.types, large.columns, name)
    return TextFile(None, large, options, found)


def parse_content(
    data: bytes,
    *,
    name: str,
    options: ReaderOptions | None = None,
    settings: Settings | None = None,
    is_whole: bool = True,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Turn the (unpacked) bytes of delimited text into a frame and what was recognised in them, storing nothing.

    Parameters
    ----------
    data : bytes
    name : str
        For messages.
    options : ReaderOptions, optional
    settings : Settings, optional
    is_whole : bool, default True
        Whether this is the whole file, so that notes may stand at its end.

    Raises
    ------
    ReadError
        As `read_table`.
    """
    settings, options = settings or current(), options or ReaderOptions()
    alignment = find_alignment(data, options)
    cells, text = read_delimited(
        alignment.whole(data) if alignment else data,
        name=name,
        max_columns=settings.max_columns,
        tabs=".tsv" in name.lower(),
        options=_delimited(options, alignment),
        is_whole=is_whole,
    )
    if alignment:
        text.notes.insert(0, NOTE)
    check_types(options.types, cells.columns, name)
    rules = CellRules.of(options, prefers_comma=text.delimiter != ",")
    plans = {series.name: recognise(series, rules) for series in cells}
    plans = settle_marks(plans, {series.name: series for series in cells}, rules)
    tallies = {column: Tally() for column in plans}
    frame = pl.DataFrame([convert(series, plans[series.name], rules, tallies[series.name]) for series in cells])
    return frame, report_document(text, report_of(plans, tallies), plans, options)


def _delimited(options: ReaderOptions, alignment: Alignment | None) -> ReaderOptions:
    """Give the options of the text that an aligned one is read as."""
    return options if alignment is None else options.model_copy(update={"delimiter": ALIGNED})


def report_document(
    text: TextReport, cells: CellReport, plans: Mapping[str, Plan], options: ReaderOptions
) -> dict[str, Any]:
    """Write down what was recognised."""
    return {
        "format": "csv",
        "encoding": text.encoding,
        "delimiter": title_of(text.delimiter),
        "quoted": text.quoted,
        "header_line": text.header_line,
        "missing": cells.missing,
        "notes": [*text.notes, *cells.notes],
        "misfits": cells.misfits,
        "columns": columns_document(plans),
        "options": resolved(options, text, plans).model_dump(mode="json"),
        **({"proposed": text.proposed} if text.proposed else {}),
    }


def resolved(options: ReaderOptions, text: TextReport, plans: Mapping[str, Plan]) -> ReaderOptions:
    """Fill in what was recognised."""
    spelled = next((plan for plan in plans.values() if plan.kind == "spelled"), None)
    order = next((found for plan in plans.values() if (found := order_of(plan.format))), None)
    rules = CellRules.of(options, prefers_comma=False)
    return options.model_copy(
        update={
            "encoding": text.encoding,
            "delimiter": SPACES if text.delimiter == ALIGNED else text.delimiter,
            "quoted": text.quoted if options.quoted is None else options.quoted,
            "header_line": text.header_line,
            "decimal": options.decimal or (spelled.decimal if spelled else "."),
            "thousands": options.thousands if options.thousands is not None or not spelled else spelled.thousands,
            "date_order": options.date_order or order,
            "missing": rules.missing,
            "missing_marks": options.missing_marks
            if options.missing_marks is not None
            else tuple(sorted({mark for plan in plans.values() for mark in plan.marks})) or None,
        }
    )
