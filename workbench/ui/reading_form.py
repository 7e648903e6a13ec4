"""How a file is read: what was recognised, each of it to be corrected beside a preview of the first rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import polars as pl
import streamlit as st

from workbench.data.spec import ColumnType, DateOrder, ReaderOptions
from workbench.errors import WorkbenchError
from workbench.storage import to_json
from workbench.ui import messages, words

if TYPE_CHECKING:
    from workbench.data.file_forms import FileForm
    from workbench.data.looking import FileLook, Proposal

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "spaces"}
_ENCODINGS = ("utf-8", "cp1252", "latin-1", "utf-16", "cp1250", "cp1251", "shift_jis", "gb18030")
_THOUSANDS = {"": "none", ",": "1,234", ".": "1.234", " ": "1 234", "'": "1'234"}
_DATES = {"day_month_year": "31.12.2024", "month_day_year": "12/31/2024", "year_month_day": "2024-12-31"}
_AS_FOUND = "as recognised"
_AUTO = "auto"
_SHOWN_LINES = 12
_TYPES_AT_ONCE = 400


def draw(
    path: Path,
    options: ReaderOptions,
    *,
    key: str,
    wanting: WorkbenchError | None = None,
    before: FileForm | None = None,
    columns: Sequence[str] = (),
) -> ReaderOptions | None:
    """Draw the controls and the preview.

    Parameters
    ----------
    path : Path
        The file as it came.
    options : ReaderOptions
        What was set by hand so far.
    key : str
        Beginning of the widgets' keys.
    wanting : WorkbenchError, optional
        Why the file couldn't be read so far.
    before : FileForm, optional
        Of the file that this one comes after: it is read so where nothing is set by hand.
    columns : sequence of str
        Those that it should have then.

    Returns
    -------
    ReaderOptions
        What the controls say; None while the file can't be read so.
    """
    stored = f"{key}.options"
    chosen: ReaderOptions = st.session_state.setdefault(stored, options)
    left, right = st.columns([2, 3], gap="large")
    look = problem = None
    try:
        form = to_json(before.to_dict()) if before is not None else ""
        by_hand = chosen.model_dump_json(exclude_unset=True)
        look = _look(str(path), path.stat().st_mtime_ns, by_hand, form, tuple(columns))
    except (WorkbenchError, OSError) as found:
        problem = found
    with left:
        changed = _proposed(look, problem if problem is not None else wanting, key) or _controls(look, chosen, key)
    with right:
        if look is not None:
            _preview(look, key)
        elif isinstance(problem, WorkbenchError):
            messages.error(problem)
        elif wanting is not None:
            messages.error(wanting)
    if changed != chosen:
        # The controls start anew from what is recognised then. A browser keeps what a control of the same key showed,
        # and would send that back as a choice of the reader's, so each turn has keys of its own.
        turn = int(st.session_state.get(f"{key}#turn", 0))
        forget(key)
        st.session_state[f"{key}#turn"] = turn + 1
        st.session_state[stored] = changed
        st.rerun()
    return chosen if look is not None else None


def forget(key: str) -> None:
    """Start anew the next time."""
    for name in [name for name in st.session_state if str(name).startswith(f"{key}.")]:
        del st.session_state[name]


@st.cache_data(max_entries=16, show_spinner="Looking at the file …")
def _look(path: str, changed: int, options: str, form: str, columns: tuple[str, ...]) -> FileLook:
    from workbench.data.file_forms import FileForm, choose_options
    from workbench.data.looking import look_at

    by_hand = ReaderOptions.model_validate_json(options)
    before = FileForm.from_dict(json.loads(form)) if form else None
    chosen = choose_options(Path(path), before, columns=columns, given=by_hand)
    return look_at(path, options=chosen.options)


def _proposed(look: FileLook | None, problem: Exception | None, key: str) -> ReaderOptions | None:
    """Offer each correction that is worth thinking about; give the options with the one that was chosen."""
    from workbench.data.looking import Proposal

    proposals = list(look.proposals) if look is not None else []
    told = {proposal.option for proposal in proposals}
    proposals += [
        Proposal(option, value, "") for option, value in getattr(problem, "options", {}).items() if option not in told
    ]
    now: ReaderOptions = st.session_state[f"{key}.options"]
    for number, proposal in enumerate(proposals):
        if not proposal.reason and getattr(now, proposal.option) is not None:
            continue  # done
        if proposal.reason:
            st.caption(f":material/lightbulb: {messages.plain(proposal.reason)}")
        if st.button(_deed(proposal), key=f"{key}.proposal.{number}", icon=":material/check:"):
            return now.model_copy(update={proposal.option: proposal.value})
    return None


def _deed(proposal: Proposal) -> str:
    if proposal.option == "missing":
        return "Read these words as missing"
    if proposal.option == "header_line":
        return "The file has no column names"
    if proposal.option == "label_lines":
        return f"Leave out {words.plural(proposal.value, 'line')} below the names"
    if proposal.option == "footer_lines":
        return f"Leave out {words.plural(proposal.value, 'line')} at the end"
    return f"Read dates as {_DATES.get(str(proposal.value), proposal.value)}"


def _controls(look: FileLook | None, chosen: ReaderOptions, key: str) -> ReaderOptions:
    """Draw what can be corrected in a file of this format, and give what is set by hand."""
    parts: dict[str, Any] = chosen.model_dump()
    found = look.options if look is not None else chosen
    lasting, turn = key, st.session_state.get(f"{key}#turn", 0)
    key = f"{key}.turn{turn}" if turn else key
    for name, values in (look.choices if look is not None else {}).items():
        if name in ("sheet", "table", "member") and values:
            parts[name] = _choice(name, values, found, chosen, key)
    if look is None or look.format == "csv":
        _delimited(parts, found, chosen, key)
    elif look.format in ("workbook", "excel"):
        _header(parts, found, chosen, key)
    if look is not None and look.format in ("sqlite", "database"):
        parts["query"] = (
            st.text_area(
                "Query",
                value=chosen.query or "",
                key=f"{key}.query",
                placeholder="select * from ...",
                help="One SELECT; it is run read-only. Empty reads the whole table.",
            ).strip()
            or None
        )
    if look is not None and look.frame.width:
        parts["types"] = _types(look, chosen, lasting)
    try:
        return ReaderOptions.model_validate(parts)
    except ValueError:
        return chosen


def _choice(name: str, values: list[str], found: ReaderOptions, chosen: ReaderOptions, key: str) -> str | None:
    titles = {"sheet": "Sheet", "table": "Table", "member": "File in the archive"}
    now = getattr(found, name)
    picked = st.selectbox(
        titles[name],
        values,
        index=values.index(now) if now in values else None,
        key=f"{key}.{name}",
        placeholder="Choose one",
        help="Which part of the file is read as the table.",
    )
    return picked if picked != now else getattr(chosen, name)


def _delimited(parts: dict[str, Any], found: ReaderOptions, chosen: ReaderOptions, key: str) -> None:
    first, second = st.columns(2)
    delimiters = dict(_DELIMITERS)
    if found.delimiter and found.delimiter not in delimiters:
        delimiters[found.delimiter] = found.delimiter
    parts["delimiter"] = _kept(
        first.selectbox(
            "Separator",
            list(delimiters),
            format_func=lambda mark: delimiters[mark],
            index=_place(found.delimiter, list(delimiters)),
            key=f"{key}.delimiter",
            help="What stands between two cells.",
        ),
        found.delimiter,
        chosen.delimiter,
    )
    encodings = list(dict.fromkeys([*([found.encoding] if found.encoding else []), *_ENCODINGS]))
    parts["encoding"] = _kept(
        second.selectbox(
            "Encoding",
            encodings,
            index=_place(found.encoding, encodings),
            key=f"{key}.encoding",
            help="How letters are stored. Change it where letters look wrong.",
        ),
        found.encoding,
        chosen.encoding,
    )
    _header(parts, found, chosen, key)
    first, second = st.columns(2)
    parts["decimal"] = _kept(
        first.segmented_control(
            "Decimal mark",
            [".", ","],
            default=found.decimal or ".",
            required=True,
            wrap=True,
            key=f"{key}.decimal",
            help="3.14 or 3,14.",
        ),
        found.decimal or ".",
        chosen.decimal,
    )
    parts["thousands"] = _kept(
        second.selectbox(
            "Thousands",
            list(_THOUSANDS),
            format_func=lambda mark: _THOUSANDS[mark],
            index=_place(found.thousands or "", list(_THOUSANDS)),
            key=f"{key}.thousands",
            help="What groups the digits of large numbers.",
        ),
        found.thousands or "",
        chosen.thousands,
    )
    orders = [None, *get_args(DateOrder)]
    parts["date_order"] = st.selectbox(
        "Dates such as 03/04/2024",
        orders,
        format_func=lambda order: _AS_FOUND if order is None else _DATES[order],
        index=orders.index(chosen.date_order),
        key=f"{key}.dates",
        placeholder=_AS_FOUND,
        help="Decides dates that could be read both ways; where none does, they stay text.",
    )
    words_now = list(chosen.missing if chosen.missing is not None else found.missing or ())
    marks_now = list(chosen.missing_marks if chosen.missing_marks is not None else found.missing_marks or ())
    picked = st.multiselect(
        "Words for a missing value",
        sorted({*words_now, "?", "NA", "N/A", "null", "unknown", "-"}),
        default=words_now,
        accept_new_options=True,
        key=f"{key}.missing",
        help="Beside the empty cell. A word that is a real value, such as 'none' for 'has none', doesn't belong here.",
    )
    if list(picked) != words_now:
        parts["missing"] = tuple(picked)
    marks = st.multiselect(
        "The same among numbers and dates only",
        sorted({*marks_now, "-", "--", "k. A.", "n/v", "unknown"}),
        default=marks_now,
        accept_new_options=True,
        key=f"{key}.missing_marks",
        help="In columns that hold only numbers or dates beside them; columns of text keep these words.",
    )
    if list(marks) != marks_now:
        parts["missing_marks"] = tuple(marks)
    parts["quoted"] = _kept(
        st.toggle(
            "Quotes enclose cells",
            value=found.quoted is not False,
            key=f"{key}.quoted",
            help="Off: a quote is a letter like any other, as in messages and poems.",
        ),
        found.quoted is not False,
        chosen.quoted,
    )


def _header(parts: dict[str, Any], found: ReaderOptions, chosen: ReaderOptions, key: str) -> None:
    now = found.header_line if found.header_line is not None else 1
    parts["header_line"] = _kept(
        st.number_input(
            "Line with the column names",
            0,
            1_000,
            value=now,
            key=f"{key}.header",
            help="Lines above it are titles and are left out; 0 means that the file has no names.",
        ),
        now,
        chosen.header_line,
    )
    first, second = st.columns(2)
    parts["label_lines"] = first.number_input(
        "Lines of labels",
        0,
        100,
        value=chosen.label_lines,
        key=f"{key}.labels",
        placeholder=_AUTO,
        help="Lines right below the column names that hold questions, labels or units rather than values.",
    )
    parts["footer_lines"] = second.number_input(
        "Lines of notes",
        0,
        1_000,
        value=chosen.footer_lines,
        key=f"{key}.footer",
        placeholder=_AUTO,
        help="Lines below the rows that hold sources or notes; blank ones don't count.",
    )


def _types(look: FileLook, chosen: ReaderOptions, key: str) -> dict[str, Any]:
    names = look.frame.columns[:_TYPES_AT_ONCE]
    with st.expander("Types of the columns", icon=":material/tune:", key=f"{key}.types"):
        st.caption("Cells that don't fit a type set here become missing; how many, the table's notes say.")
        frame = pl.DataFrame(
            {
                "column": names,
                "recognised": [str(look.frame.schema[name]) for name in names],
                "read as": [chosen.types.get(name, _AS_FOUND) for name in names],
            }
        )
        edited = st.data_editor(
            frame,
            hide_index=True,
            key=f"{key}.types_editor",
            disabled=["column", "recognised"],
            column_config={
                "read as": st.column_config.SelectboxColumn(
                    options=[_AS_FOUND, *get_args(ColumnType)], required=True, help="What the column's cells are."
                )
            },
        )
        picked = dict(zip(edited["column"].to_list(), edited["read as"].to_list(), strict=True))
    return {name: kind for name, kind in picked.items() if kind != _AS_FOUND}


def _preview(look: FileLook, key: str) -> None:
    for note in look.notes:
        st.caption(f":material/fact_check: {messages.plain(note)}")
    shown = look.frame.head(100)
    st.caption(
        f"The first {words.plural(shown.height, 'row')} of a file of {words.size(look.n_bytes)}, as they would be read."
    )
    st.dataframe(
        shown,
        height=360,
        key=f"{key}.preview",
        column_config=words.columns_shown(shown),
        alt="The first rows of the file as they would be read",
    )
    if look.lines:
        with st.expander("The file's first lines as they are", icon=":material/notes:", key=f"{key}.lines"):
            st.code("\n".join(line[:300] for line in look.lines[:_SHOWN_LINES]), language=None, line_numbers=True)


def _kept(picked: Any, recognised: Any, by_hand: Any) -> Any:
    """Keep None, which means recognised, as long as the control shows what was recognised."""
    return by_hand if picked == recognised else picked


def _place(value: Any, values: list[Any]) -> int:
    return values.index(value) if value in values else 0
