"""Lines below the rows of a table: sources, notes and dates of issue, which are no rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from workbench.data.blocks import end_of_rows

TAIL_BYTES = 64 * 1024
_MOST_LINES = 200
_STARTERS = re.compile(
    r"\s*(#\s|©|\(c\)\s|copyright\b|_{3,}|-{3,}|={3,}|\*+\)?\s|\*{1,3}$|\d{1,2}\)\s|\[\d{1,2}\]\s"
    r"|stand\s*:|stand vom\b|erstellt\b|data from\b|last updated\b|end of (file|report|data)\b"
    r"|(generated|exported|downloaded|retrieved|accessed)\b|(source|quelle|fonte|fuente)\s"
    r"|(data\s+|daten)?(source|note|footnote|remark|legend|disclaimer|quelle|anmerkung|hinweis|fu(ß|ss)note|fuente|nota"
    r"|fonte|observa[cç][aãi][oó]n?|bron|k[aä]lla|licen[cs]e|lizenz)(s|n|en|e)?\s*[:.])",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]{2,}|[-_=*]{3,}")
_FEWEST_WORDS = 4


@dataclass(frozen=True)
class Footer:
    """Lines below the rows.

    Parameters
    ----------
    start : int
        Position behind the last row in the data.
    lines : tuple of str
        Their texts, blank ones left out.
    is_sure : bool
        Whether they are certainly no rows: a blank line sets them apart, or they begin as sources and notes do.
    """

    start: int
    lines: tuple[str, ...]
    is_sure: bool

    @property
    def note(self) -> str:
        """What a reader would want to know."""
        return said_of(self.lines)


def said_of(lines: Sequence[str]) -> str:
    """Give the note for lines that were left out below the rows."""
    shown = "; ".join(lines)
    shown = shown if len(shown) <= 80 else shown[:80] + "..."
    were = "lines below the rows were" if len(lines) > 1 else "line below the rows was"
    return f"{len(lines)} {were} left out ({shown})."


def may_be_notes(n_lines: int) -> str:
    """Give the note for rows at the end that look like notes."""
    if n_lines == 1:
        return "The last line holds one long text only. If it is a note, footer_lines=1 leaves it out."
    return (
        f"The last {n_lines} lines hold one long text only. If they are notes, footer_lines={n_lines} leaves them out."
    )


def find_footer(data: bytes, delimiter: str, *, n_columns: int, quoted: bool, n_lines: int | None) -> Footer | None:
    r"""Find the lines below the rows.

    Parameters
    ----------
    data : bytes
        UTF-8 with newlines only, to its end.
    delimiter : str
    n_columns : int
    quoted : bool
        Whether quotes may enclose cells.
    n_lines : int, optional
        How many lines that aren't blank they are, as set by hand.

    Examples
    --------
    >>> find_footer(b"a,1\nb,2\n\nSource: Eurostat\n", ",", n_columns=2, quoted=True, n_lines=None).lines
    ('Source: Eurostat',)
    """
    tail_start = max(0, len(data) - TAIL_BYTES)
    tail_start = data.find(b"\n", tail_start) + 1 if tail_start else 0
    starts = [len(data)]

    def upwards() -> Iterator[list[str]]:
        end = len(data)
        while end > tail_start:
            start = data.rfind(b"\n", tail_start, end - 1 if data[end - 1 : end] == b"\n" else end) + 1 or tail_start
            starts.append(start)
            yield _cells(data[start:end].decode(errors="replace").strip("\n"), delimiter, quoted=quoted)
            end = start

    found = notes_at_end(upwards(), n_columns, n_lines)
    if found is None:
        return None
    n_taken, lines, is_sure = found
    start = starts[n_taken]
    if quoted and b'"' in data and end_of_rows(data[:start], delimiter, quoted=True) != start:
        return None  # the last cell goes on here
    return Footer(start, lines, is_sure)


def notes_at_end(
    rows: Iterable[Sequence[str]], n_columns: int, n_lines: int | None = None
) -> tuple[int, tuple[str, ...], bool] | None:
    """Look from the last row upwards for those that are notes.

    Parameters
    ----------
    rows : iterable of sequence of str
        The last one first.
    n_columns : int
    n_lines : int, optional
        How many rows that aren't blank they are, as set by hand.

    Returns
    -------
    n_rows : int
        How many rows are left out, blank ones with them.
    lines : tuple of str
        Their texts from above.
    is_sure : bool
        Whether they certainly are no rows: a blank row sets them apart, or they begin as sources and notes do.
    """
    if n_lines == 0 or (n_lines is None and n_columns < 2):
        return None
    lines: list[str] = []
    ends: list[int] = []  # rows up to and with each line
    strengths: list[int] = []
    n_rows = 0
    for cells in rows:
        filled = [cell.strip() for cell in cells if cell.strip()]
        strength = (_strength(cells, n_columns) if filled else 0) if n_lines is None else 3
        if filled and (not strength or len(lines) == (_MOST_LINES if n_lines is None else n_lines)):
            break
        n_rows += 1
        if filled:
            lines.append(" ".join(filled))
            ends.append(n_rows)
            strengths.append(strength)
    else:
        if n_lines is None:
            return None  # nothing but notes
    if max(strengths, default=0) < 2:
        return None
    if n_lines is not None or n_rows > ends[-1] or begins_as_note(lines[-1]):
        return n_rows, tuple(reversed(lines)), True
    n_likely = next((place for place, strength in enumerate(strengths) if strength < 3), len(strengths))
    return (ends[n_likely - 1], tuple(reversed(lines[:n_likely])), False) if n_likely else None


def begins_as_note(line: str) -> bool:
    """Whether a line begins as sources and notes do.

    Examples
    --------
    >>> begins_as_note("Source: Eurostat"), begins_as_note("Sourdough, 1 kg")
    (True, False)
    """
    return _STARTERS.match(line) is not None


def _strength(cells: Sequence[str], n_columns: int) -> int:
    """Say how much a row looks like a note: 3 very much, 2 where a blank one sets it apart, 1 perhaps, 0 not at all."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    first = cells[0].strip()
    if first.startswith("©"):
        return 3  # whatever marks its text holds
    if begins_as_note(first):
        return 3 if len(filled) == 1 or len(cells) != n_columns or ":" in first else 0
    if not first or not any(_LETTERS.search(cell) for cell in filled):
        return 0
    n_words = len(first.split())
    if len(cells) != n_columns:
        return 3 if len(filled) == 1 or n_words >= _FEWEST_WORDS else 0
    if len(filled) > 1:
        return 0
    if n_words < _FEWEST_WORDS:
        return 1
    return 3 if n_columns > 2 else 2  # a text whose label is missing is a row, too


def _cells(line: str, delimiter: str, *, quoted: bool) -> list[str]:
    if not quoted or '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=delimiter != "\t"), [])
    except csv.Error:
        return line.split(delimiter)
