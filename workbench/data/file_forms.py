"""The form of a file that was read: what was recognised or told, as the first guess for later files of its kind.

It travels from a table's origin into the package of each model that learned from the table, so that a file of rows to
predict is read as the training table was, on whatever machine.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from workbench.data.cell_types import Plan
from workbench.data.column_names import match_names
from workbench.data.expecting import Expected, order_of, plan_from_dict, plan_to_dict
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError
from workbench.settings import Settings, current

if TYPE_CHECKING:
    from workbench.data.looking import FileLook
    from workbench.data.table import Table

FORMAT = 1
# How the text of a file is laid out, and which part of it is the table: right for another file, or not at all.
_LAYOUT = ("delimiter", "header_line", "label_lines")
_PLACE = ("sheet", "table", "query", "member")
_FILES_WITH_QUERIES = ("sqlite",)
_WORDS = ("missing", "missing_marks")
_TOLD = ("quoted", "decimal", "thousands", "date_order")
_TITLES = {
    "delimiter": "separator",
    "header_line": "line with the column names",
    "label_lines": "lines of labels",
    "sheet": "sheet",
    "table": "table",
    "query": "query",
    "member": "file in the archive",
}


@dataclass(frozen=True)
class FileForm:
    """What later files are read by first.

    Parameters
    ----------
    format : str
        ``csv``, ``excel``, ``json`` and so on; empty where it isn't known.
    options : ReaderOptions
        As they were recognised or told.
    told : ReaderOptions
        Those among them that were set by hand.
    columns : dict of str to Plan
        How each column of text cells was read.
    marks : tuple of str, optional
        Decimal and thousands mark, where all numbers of the file have the same.
    """

    format: str = ""
    options: ReaderOptions = field(default_factory=ReaderOptions)
    told: ReaderOptions = field(default_factory=ReaderOptions)
    columns: Mapping[str, Plan] = field(default_factory=dict)
    marks: tuple[str, str] | None = None

    @classmethod
    def of(cls, table: Table) -> FileForm | None:
        """Give the form of the file that a table came from; None where it came from none, or is known no more."""
        return cls.of_origin(table.origin)

    @classmethod
    def of_origin(cls, origin: Mapping[str, Any]) -> FileForm | None:
        """Give the form that a table's origin tells of."""
        if origin.get("form"):
            return cls.from_dict(origin["form"])
        reader = origin.get("reader") or {}
        if not reader.get("format"):
            return None
        try:
            columns = {name: plan_from_dict(plan) for name, plan in (reader.get("columns") or {}).items()}
        except ValueError:
            columns = {}
        told = _options(reader.get("given") or {})
        options = _options(reader.get("options") or {})
        return cls(str(reader["format"]), options, told, columns, _marks(columns.values(), told))

    @classmethod
    def of_told(cls, told: Mapping[str, Any]) -> FileForm:
        """Give the form that reader options set by hand tell of."""
        options = _options(told)
        return cls(options=options, told=options)

    def only(self, columns: Iterable[str]) -> FileForm:
        """Give the form with what it says about these columns only."""
        kept = set(columns)
        types = {name: kind for name, kind in self.told.types.items() if name in kept}
        # A server's query may hold what only its owner should read; no file that comes later is asked it.
        unsaid = {} if self.format in _FILES_WITH_QUERIES else {"query": None, "table": None}
        return FileForm(
            self.format,
            self.options.model_copy(update={"types": {}, **unsaid}),
            self.told.model_copy(update={"types": types, **unsaid}),
            {name: plan for name, plan in self.columns.items() if name in kept},
            self.marks,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "format_version": FORMAT,
            "format": self.format,
            "options": self.options.model_dump(mode="json", exclude_defaults=True),
            "told": self.told.model_dump(mode="json", exclude_defaults=True),
            "columns": {name: plan_to_dict(plan) for name, plan in self.columns.items()},
            "marks": list(self.marks) if self.marks else None,
        }

    @classmethod
    def from_dict(cls, document: Any) -> FileForm | None:
        """Rebuild from `to_dict`; None where it is of a later workbench or damaged: a form is only a first guess."""
        if not isinstance(document, Mapping) or document.get("format_version") != FORMAT:
            return None
        marks = document.get("marks")
        try:
            return cls(
                str(document.get("format", "")),
                _options(document.get("options") or {}),
                _options(document.get("told") or {}),
                {str(name): plan_from_dict(plan) for name, plan in (document.get("columns") or {}).items()},
                (str(marks[0]), str(marks[1])) if marks else None,
            )
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return None

    def expected(self, given: ReaderOptions) -> Expected:
        """Give how the columns are to be read first, without what `given` decides otherwise."""
        columns = {name: plan for name, plan in self.columns.items() if name not in given.types}
        marks = self.marks
        if given.decimal is not None or given.thousands is not None:
            columns = {name: plan for name, plan in columns.items() if plan.kind not in ("whole", "number", "spelled")}
            marks = None
        if given.date_order is not None:
            columns = {name: plan for name, plan in columns.items() if plan.kind not in ("date", "datetime")}
        return Expected(columns, marks)

    def tries(self, given: ReaderOptions) -> list[ReaderOptions]:
        """Give the options to read a later file with: all that is known first, then what recognition finds alone."""
        words = self._known(_WORDS, self.options)
        words |= {} if self.columns else self._known(_TOLD, self.told)
        words |= self._known(("quoted",), self.told)
        layouts = [self._known((*_LAYOUT, *_PLACE), self.options), self._known(_LAYOUT, self.options), {}]
        by_hand = given.model_dump(exclude_unset=True)
        found: list[ReaderOptions] = []
        for layout in layouts:
            options = ReaderOptions(**{**words, **layout, **by_hand})
            if options not in found:
                found.append(options)
        return [options.expecting(self.expected(given)) for options in found]

    def _known(self, names: Sequence[str], options: ReaderOptions) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(options, name, None)) is not None}


@dataclass(frozen=True)
class Chosen:
    """How a later file is to be read.

    Parameters
    ----------
    options : ReaderOptions
    notes : list of str
        What of the file isn't laid out as before.
    """

    options: ReaderOptions
    notes: list[str] = field(default_factory=list)


def choose_options(
    path: Path,
    form: FileForm | None,
    *,
    columns: Sequence[str],
    names: Mapping[str, str] | None = None,
    kept: Mapping[str, Sequence[str]] | None = None,
    given: ReaderOptions | None = None,
    settings: Settings | None = None,
) -> Chosen:
    """Choose how a file is read that comes after another one: as that one, if its columns are found so.

    Parameters
    ----------
    path : Path
    form : FileForm or None
        Of the file before.
    columns : sequence of str
        Names that the file should have; without respect to capitals.
    names : mapping of str to str, optional
        From columns of the file to those that they are, where they are called otherwise.
    kept : mapping of str to sequence of str, optional
        Words that are values of these columns, though they stand for missing ones elsewhere.
    given : ReaderOptions, optional
        What is set by hand for this file; it goes before everything else.
    settings : Settings, optional

    Raises
    ------
    ReadError
        If it can't be read in any way.
    """
    from workbench.data.looking import look_at

    settings, given = settings or current(), given or ReaderOptions()
    told = dict(names or {})
    meant = {ours: theirs for theirs, ours in told.items()}
    words = {meant.get(name, name): tuple(found) for name, found in (kept or {}).items()}
    words = {} if given.missing is not None else words
    if form is None or not path.is_file():
        return Chosen(given.expecting(Expected(kept=words)) if words else given)
    encoding = given.encoding or _encoding(path, form, settings)
    best: tuple[tuple[int, int], ReaderOptions, FileLook] | None = None
    problem: ReadError | None = None
    wanted = set(columns)
    for options in form.tries(given):
        options = options.model_copy(update={"encoding": encoding})
        try:
            look = look_at(path, options=options, settings=settings)
        except ReadError as error:
            problem = error
            continue
        if look.format != form.format and form.format and _has_layout(options, given):
            continue  # the third line of a CSV file says nothing about a workbook
        n_found = len(wanted & set(found_names(look.frame.columns, columns, told)))
        rank = (n_found, look.frame.width if n_found < len(wanted) else 0)
        if best is None or rank > best[0]:
            best = rank, options, look
        if n_found == len(wanted):
            break
    if best is None:
        raise problem or ReadError(f"{path.name} can't be read. Check that it is a table.")
    _, options, look = best
    known = [*dict.fromkeys([*columns, *form.columns, *form.told.types])]
    theirs = {
        ours: name for name, ours in zip(look.frame.columns, found_names(look.frame.columns, known, told), strict=True)
    }
    types = {} if look.format == "csv" and form.columns else form.told.types
    present = {theirs[name]: kind for name, kind in types.items() if name in theirs}
    options = options.model_copy(update={"types": {**present, **given.types}})
    expected = form.expected(given)
    plans = {theirs[name]: plan for name, plan in expected.columns.items() if name in theirs}
    words = {theirs.get(name, name): found for name, found in words.items()}
    options = options.expecting(Expected(plans, expected.marks, words))
    return Chosen(options, _layout_notes(form, look, given, found=best[0][0] == len(wanted)))


def _has_layout(options: ReaderOptions, given: ReaderOptions) -> bool:
    return any(
        getattr(options, name, None) is not None and getattr(given, name, None) is None for name in (*_LAYOUT, *_PLACE)
    )


def _layout_notes(form: FileForm, look: FileLook, given: ReaderOptions, *, found: bool) -> list[str]:
    """Say which part of the file is another one; of its layout, only where not all columns were found so."""
    if look.format != form.format:
        return []
    notes = []
    for name in _PLACE if found else (*_LAYOUT, *_PLACE):
        before, now = getattr(form.options, name, None), getattr(look.options, name, None)
        alone = name == "delimiter" and look.frame.width == 1  # one column has no separator
        if None not in (before, now) and before != now and getattr(given, name, None) is None and not alone:
            notes.append(f"{_TITLES[name].capitalize()}: {now!r} here, {before!r} in the training table.")
    return notes


def _encoding(path: Path, form: FileForm, settings: Settings) -> str | None:
    """Give the encoding of the file before, where this one isn't plainly in UTF-8 or marked."""
    from workbench.data.formats.opening import open_member

    before = form.options.encoding
    if before is None or form.format not in ("csv", "") or not _is_encoding(before):
        return None
    if codecs.lookup(before).name in ("utf-8", "utf-16", "utf-8-sig"):
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    own = codecs.getincrementaldecoder(before)()
    is_utf8 = fits = True
    beyond_ascii = False
    with suppress(ReadError), open_member(path, options=ReaderOptions(), settings=settings, first=True) as stream:
        if stream.peek(4).startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return None
        while piece := stream.read(1 << 20):
            beyond_ascii |= not piece.isascii()
            is_utf8 = is_utf8 and _decodes(decoder, piece)
            fits = fits and _decodes(own, piece)
        return before if fits and not (is_utf8 and beyond_ascii) else None
    return None


def _is_encoding(name: str) -> bool:
    try:
        return "a".encode(name).decode(name) == "a"
    except (LookupError, UnicodeError):
        return False


def _decodes(decoder: codecs.IncrementalDecoder, piece: bytes) -> bool:
    try:
        decoder.decode(piece)
    except UnicodeDecodeError:
        return False
    return True


def _marks(plans: Iterable[Plan], told: ReaderOptions) -> tuple[str, str] | None:
    """Give the decimal and thousands mark of a file that writes all its numbers alike."""
    usual = {",": ".", ".": ","}
    if told.decimal is not None:
        return told.decimal, usual[told.decimal] if told.thousands is None else told.thousands
    found = list(plans)
    spelled = [plan for plan in found if plan.kind == "spelled"]
    decimals = {plan.decimal for plan in spelled} | {"." for plan in found if plan.kind == "number"}
    if len(decimals) != 1:
        return None
    decimal = decimals.pop()
    thousands = {plan.thousands for plan in spelled if plan.thousands}
    return decimal, thousands.pop() if len(thousands) == 1 else usual[decimal]


def _options(document: Mapping[str, Any]) -> ReaderOptions:
    known = {name: value for name, value in document.items() if name in ReaderOptions.model_fields}
    try:
        return ReaderOptions.model_validate(known)
    except ValidationError:
        return ReaderOptions()


def found_names(have: Sequence[str], want: Sequence[str], told: Mapping[str, str]) -> list[str]:
    """Give each column of a file under the name that it is known by."""
    left = [name for name in have if name not in told]
    meant = match_names(left, [name for name in want if name not in told.values()])
    return [told.get(name) or meant.get(name, name) for name in have]


def differs(ours: FileForm, theirs: FileForm) -> bool:
    """Whether a column was read in two ways that give other values for the same cells."""
    for name, plan in ours.columns.items():
        other = theirs.columns.get(name)
        if other is None or other.kind == "text" == plan.kind:
            continue
        spelled = "spelled" in (plan.kind, other.kind)
        if spelled and (plan.kind, plan.decimal, plan.thousands) != (other.kind, other.decimal, other.thousands):
            return True
        if {plan.kind, other.kind} & {"date", "datetime"} and order_of(plan.format) != order_of(other.format):
            return True
        if "text" in (plan.kind, other.kind):
            return True
    return False
