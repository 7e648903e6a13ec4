"""The coded checks: their numbers, names, severities and explanations. The documentation reads them from here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from workbench.data.spec import SplitSpec
from workbench.recipe.spec import Step

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class CheckInfo:
    """What a check looks for.

    Parameters
    ----------
    code : str
        Never used for anything else. WB10x are about columns that know the answer, WB11x about the split, WB12x about
        the target, WB13x about columns.
    name : str
    severity : {"error", "warning", "info"}
        The gravest that it is reported with.
    explanation : str
        Why it matters, for learners.
    """

    code: str
    name: str
    severity: Severity
    explanation: str


@dataclass(frozen=True)
class Remedy:
    """One click that mends what a check found; applied by `apply_remedy`.

    Parameters
    ----------
    label : str
        What the button says.
    steps : tuple of Step, optional
        What the recipe gets.
    split : SplitSpec, optional
        The split to use instead.
    """

    label: str
    steps: tuple[Step, ...] | None = None
    split: SplitSpec | None = None


@dataclass(frozen=True)
class Check:
    """Something that a check found.

    Parameters
    ----------
    code, name, severity : str
        See `CheckInfo`.
    columns : tuple of str
    message : str
        What was found, with figures; on which sample, where it wasn't all rows.
    explanation : str
    remedies : tuple of Remedy
        The one to take first in front; none where only a person can tell what to do.
    """

    code: str
    name: str
    severity: Severity
    columns: tuple[str, ...]
    message: str
    explanation: str = field(repr=False)
    remedies: tuple[Remedy, ...] = ()


CHECKS: tuple[CheckInfo, ...] = (
    CheckInfo(
        "WB101",
        "Column gives the target away",
        "error",
        "A column that is known only after the answer, or is the answer in another form, makes a model look perfect in "
        "every test and useless in use, where the column is still empty. It has to go.",
    ),
    CheckInfo(
        "WB102",
        "Target computed from columns",
        "error",
        "Where the target is the sum, difference or product of two columns, the model learns the arithmetic and "
        "nothing about the world. In use these columns aren't known before the target is.",
    ),
    CheckInfo(
        "WB103",
        "One column predicts almost alone",
        "warning",
        "A column that tells far more about the target than any other may be the best of predictors, or something that "
        "is known only with the answer (how long a call took that ended with a sale). No statistic can tell the two "
        "apart, only knowledge of when the column is filled in: ask whether its value is known at the moment of "
        "prediction.",
    ),
    CheckInfo(
        "WB104",
        "Identifier used as a feature",
        "warning",
        "A number or word that names the row says nothing about new rows, but a model can learn the training rows by "
        "heart with it.",
    ),
    CheckInfo(
        "WB105",
        "Target made from a column that stays",
        "error",
        "Where a step makes the target (late: arr_delay > 15), what it is made from tells it, and isn't known before "
        "the target is. Left in, it makes a model look perfect, and each request would have to give it. Leave it out; "
        "keep a part of it only where that is known at the moment of prediction.",
    ),
    CheckInfo(
        "WB111",
        "Equal rows in training and test",
        "warning",
        "A row that stands in training and in test is a question whose answer was shown before: the score is better "
        "than the model.",
    ),
    CheckInfo(
        "WB112",
        "Time order ignored",
        "warning",
        "A model is used on rows that come after those it learned from. A random split lets it learn from the future "
        "of its test rows, and what changes with time (prices, habits, sensors) then looks predictable. A split by "
        "time tests it as it will be used.",
    ),
    CheckInfo(
        "WB113",
        "Class missing from a part",
        "error",
        "A class without a training row can't be learned, one without a test row isn't tested; the score then says "
        "nothing about it.",
    ),
    CheckInfo(
        "WB121",
        "Target missing",
        "error",
        "Only rows with a known answer can be learned from or tested on.",
    ),
    CheckInfo(
        "WB122",
        "Labels that differ in writing only",
        "warning",
        "'Yes', 'yes ' and 'yes.' are three classes to a model, although they mean one thing.",
    ),
    CheckInfo(
        "WB123",
        "Uneven classes",
        "info",
        "Where one class is rare, a model that never predicts it is right nearly always. Look at balanced accuracy, "
        "recall or the precision-recall curve, and let the rare class weigh more while training.",
    ),
    CheckInfo(
        "WB131",
        "Constant or nearly constant column",
        "info",
        "A column with the same value in (nearly) all rows has (nearly) nothing to learn from, but costs a feature, "
        "and its few other values may be a fluke of the training rows.",
    ),
    CheckInfo(
        "WB132",
        "Equal columns",
        "warning",
        "Two columns with the same values count the same thing twice: linear models share its weight between them at "
        "will, and importances are halved.",
    ),
    CheckInfo(
        "WB133",
        "High cardinality",
        "warning",
        "One-hot encoding gives each category a column. With many categories that is many columns with few rows each, "
        "which a model learns by heart. Target encoding or hashing keeps them few.",
    ),
    CheckInfo(
        "WB134",
        "Dates stored as text",
        "warning",
        "As text, each date is a category of its own. As a date it has a year, a weekday and an order, and rows can be "
        "split by it.",
    ),
    CheckInfo(
        "WB135",
        "Numbers and words mixed",
        "warning",
        "A few words among numbers ('n/a', '> 100') turn the whole column into text: its order is lost, and each "
        "number becomes a category.",
    ),
    CheckInfo(
        "WB136",
        "Long tail",
        "info",
        "A few extreme values rule means, distances and linear models. The logarithm brings amounts and counts closer "
        "together; trees don't need it.",
    ),
    CheckInfo(
        "WB137",
        "Numbers that may be codes",
        "info",
        "A number that names a thing (a district, a type) has no order and no mean, yet a model adds and compares it. "
        "If it is a name, turn it into text and encode it; if larger means more, leave it.",
    ),
    CheckInfo(
        "WB138",
        "Categories that differ in writing only",
        "warning",
        "'Paris', 'paris' and ' Paris' are three categories to a model, each with a part of the rows.",
    ),
    CheckInfo(
        "WB139",
        "Whole numbers that a model rounds",
        "warning",
        "Models compute with 15 to 16 digits: above 9,007,199,254,740,992 neighbouring whole numbers become one. "
        "Filters, sorting and the conversion to text keep every digit. Such numbers are names mostly: leave them out, "
        "or turn them into text.",
    ),
)

BY_CODE = {info.code: info for info in CHECKS}


def made(
    code: str,
    columns: tuple[str, ...],
    message: str,
    *remedies: Remedy,
    severity: Severity | None = None,
) -> Check:
    """Give what a check found, with its name and explanation."""
    info = BY_CODE[code]
    return Check(code, info.name, severity or info.severity, columns, message, info.explanation, remedies)


def named(columns: tuple[str, ...] | list[str], limit: int = 6) -> str:
    """List columns in a message, cutting the list off."""
    more = len(columns) - limit
    return ", ".join(columns[:limit]) + (f" and {more:,} more" if more > 0 else "")
