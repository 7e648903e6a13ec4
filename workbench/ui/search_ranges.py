"""What of a parameter is searched, as a person writes it in one field: values, or a range."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from workbench.data.spec import Task
from workbench.errors import SpecError
from workbench.estimators.entry import EstimatorEntry
from workbench.training.search_spec import SearchRange, SearchSpec

if TYPE_CHECKING:
    from workbench.training.searching.space import Dimension

_LIST = re.compile(r"\d+(-\d+)*")


def proposed(entry: EstimatorEntry, search: SearchSpec, fixed: dict[str, Any], task: Task) -> dict[str, SearchRange]:
    """Give the catalogue's ranges as a space that can be edited."""
    from workbench.training.searching.asking import make_space

    found = {}
    for each in make_space(entry, search.model_copy(update={"space": {}}), fixed=fixed, task=task).all:
        if each.values:
            found[each.name] = SearchRange(values=each.values)
        else:
            found[each.name] = SearchRange(low=each.low, high=each.high, scale="log" if each.log else "linear")
    return found


def written(wanted: SearchRange | None) -> str:
    """Write a range, or values, as the field shows them.

    Examples
    --------
    >>> written(SearchRange(values=(10, None))), written(SearchRange(low=1, high=8))
    ('10, none', '1 to 8')
    """
    if wanted is None:
        return ""
    if wanted.values is not None:
        return ", ".join(_word(value) for value in wanted.values)
    return f"{wanted.low:g} to {wanted.high:g}"


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple)):  # layers: a comma stands between the lists
        return "-".join(map(str, value))
    return "none" if value is None else str(value)


def label(name: str) -> str:
    """Write a parameter's name as its field does.

    Examples
    --------
    >>> label("training.batch_size")
    'batch size'
    """
    return name.removeprefix("training.").replace("_", " ")


def range_words(dimension: Dimension) -> str:
    """Say what of a parameter is searched, as a field takes it."""
    return ", ".join(map(_word, dimension.values)) if dimension.values else dimension.words()


def read_range(text: str, name: str, *, lists: bool = False) -> SearchRange:
    """Read what `written` wrote, or a person.

    Parameters
    ----------
    text, name : str
    lists : bool
        Whether each value is a list, such as the layers of a network; its numbers are joined by dashes.

    Raises
    ------
    SpecError
        If it is neither values nor a range.

    Examples
    --------
    >>> read_range("10, 20, none", "max_depth").values
    (10, 20, None)
    >>> read_range("64-32, 128", "layers", lists=True).values
    ((64, 32), (128,))
    >>> read_range("0.001 to 1", "learning_rate").low
    0.001
    """
    ends = text.casefold().split(" to ")
    if len(ends) == 2:
        try:
            return SearchRange(low=float(ends[0]), high=float(ends[1]))
        except ValueError as error:
            raise SpecError(
                f"Got {text!r} for {name}, needed a range such as 1 to 100, the smaller number first. Correct it."
            ) from error
    values = tuple(_value(part.strip(), lists=lists) for part in text.split(",") if part.strip())
    return SearchRange(values=values)


def _value(text: str, *, lists: bool) -> Any:
    if text.casefold() in ("none", "null"):
        return None
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if lists and _LIST.fullmatch(text):
        return tuple(int(part) for part in text.split("-"))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
