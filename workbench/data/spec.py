"""The parts of a RunSpec that name the data: where it is, how it is read, what to predict, how to split it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from workbench.errors import SpecError

if TYPE_CHECKING:
    from workbench.data.expecting import Expected

Task = Literal["classification", "regression"]
AnyTask = Literal["classification", "regression", "clustering", "outlier_detection"]  # the last two without a target
Kind = Literal["number", "category", "text", "boolean", "datetime", "identifier", "constant", "image"]
SplitName = Literal["train", "validation", "test"]
ColumnType = Literal["number", "text", "boolean", "date", "datetime"]
DateOrder = Literal["day_month_year", "month_day_year", "year_month_day"]


class ReaderOptions(BaseModel):
    """How a file is read, where what was recognised is to be corrected. What is None is recognised.

    Parameters
    ----------
    encoding : str, optional
        As Python names it: ``utf-8``, ``cp1252``, ``utf-16``.
    delimiter : str, optional
        One character between the cells of delimited text; a blank stands for any number of them.
    quoted : bool, optional
        Whether quotes enclose cells; otherwise they are part of them.
    header_line : int, optional
        Line that holds the column names, counted from 1; lines above it are titles. 0 means that there is none.
    label_lines : int, optional
        Lines right below the column names that hold questions, labels or units rather than values; they are left out.
    footer_lines : int, optional
        Lines below the rows that hold sources or notes; they are left out. Blank ones don't count.
    decimal, thousands : str, optional
        Marks within numbers: ``1.234,5`` has the decimal mark ``,`` and the thousands mark ``.``.
    date_order : {"day_month_year", "month_day_year", "year_month_day"}, optional
        Decides dates such as 03/04/2024.
    missing : tuple of str, optional
        Words that stand for a missing value, beside the empty cell. In columns of numbers a number among them stands
        for every spelling of it.
    missing_marks : tuple of str, optional
        Words that stand for a missing value in columns of numbers and dates only; columns of text keep them. Recognised
        where such a column would hold nothing else, and the word more than once.
    types : dict of str to ColumnType
        Columns whose type is set by hand; cells that don't fit become missing, and are counted in the notes.
    sheet : str, optional
        Of a workbook; the first that holds a table when absent.
    table, query : str, optional
        Of a database: a table's name, or one SELECT.
    member : str, optional
        File in an archive, where there are several.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: str | None = None
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    quoted: bool | None = None
    header_line: int | None = Field(None, ge=0)
    label_lines: int | None = Field(None, ge=0, le=100)
    footer_lines: int | None = Field(None, ge=0, le=1000)
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'", ""] | None = None
    date_order: DateOrder | None = None
    missing: tuple[str, ...] | None = None
    missing_marks: tuple[str, ...] | None = None
    types: dict[str, ColumnType] = Field(default_factory=dict)
    sheet: str | None = None
    table: str | None = None
    query: str | None = None
    member: str | None = None
    # Not an option of the user's, and written down nowhere: how a table before was read.
    _expected: Expected | None = PrivateAttr(None)

    def expecting(self, expected: Expected) -> ReaderOptions:
        """Give the same options for a file that comes after another one, whose columns' form is the first guess."""
        options = self.model_copy()
        options._expected = expected
        return options

    @property
    def expected(self) -> Expected:
        """How the columns of a table before were read; nothing by default."""
        from workbench.data.expecting import Expected

        return self._expected or Expected()


def parse_reader_options(options: ReaderOptions | Mapping[str, Any] | None) -> ReaderOptions:
    """Check reader options that were given as a mapping.

    Raises
    ------
    SpecError
        With the option that is wrong.
    """
    if isinstance(options, ReaderOptions):
        return options
    try:
        return ReaderOptions.model_validate(dict(options or {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "options"
        raise SpecError(
            f"Got reader options that can't be used ({where}: {first['msg']}). Needed some of "
            f"{', '.join(ReaderOptions.model_fields)}. Correct the option."
        ) from error


class DataSpec(BaseModel):
    """Where the rows come from and which column is to be predicted, if any.

    Parameters
    ----------
    source : str
        A sample's name (``titanic``), one of Keras' data sets (``mnist``, ``fashion_mnist``, ``cifar10``), the digest
        of a stored table, a path to a file or folder, or a database's connection string (with a query or a table in
        `reader`).
    target : str
        Column to predict. Empty for clustering and outlier detection, which have none, and for images whose classes are
        known from their folders or arrays.
    task : {"classification", "regression", "clustering", "outlier_detection"}, optional
        Inferred from the target's kind when absent.
    test_source : str, optional
        The rows to test on, where they come in a file or table of their own; the split then takes no test rows from
        `source`.
    reader : ReaderOptions, optional
        How the file is read, where what was recognised is corrected.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)
    target: str = ""
    task: AnyTask | None = None
    test_source: str | None = Field(None, min_length=1)
    reader: ReaderOptions | None = None

    @model_validator(mode="after")
    def _has_a_target_where_one_is_needed(self) -> DataSpec:
        if self.target and self.task in ("clustering", "outlier_detection"):
            raise ValueError(f"{self.task} has no target; remove `target`, or name another task")
        return self

    @property
    def supervised_task(self) -> Task | None:
        """The task where it is given and has a target."""
        return self.task if self.task in ("classification", "regression") else None


class SplitSpec(BaseModel):
    """How rows are divided into train, validation and test.

    Parameters
    ----------
    test, validation : float
        Share of all rows, in [0, 0.9]. `validation` is taken from what `test` leaves, and is also a share of all rows.
        With ``data.test_source`` the rows of that file are the test rows, `test` is passed over, and `validation` is a
        share of the rows of `source`.
    by : {"random", "group", "time", "column"}
        ``group`` keeps all rows of one value of `column` together; ``time`` puts the latest rows of `column` into test,
        those before into validation; ``column`` takes the parts from the words in `column` (train, validation, test).
    column : str, optional
        The group, time or part column.
    stratify : bool
        Keep the class shares equal in all parts (classification, ``random`` only).
    folds : int, optional
        Number of folds for cross-validation of the rows that aren't test rows: the same model is also trained on all
        folds but one, once for each, and the validation scores of all are reported. `validation` is then passed over:
        the first fold is the validation part that the live curves show.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: float = Field(0.2, ge=0.0, le=0.9)
    validation: float = Field(0.2, ge=0.0, le=0.9)
    by: Literal["random", "group", "time", "column"] = "random"
    column: str | None = None
    stratify: bool = True
    folds: int | None = Field(None, ge=2, le=20)

    @model_validator(mode="after")
    def _leaves_rows_to_train(self) -> SplitSpec:
        if self.test + self.validation > 0.95 and self.by != "column":
            raise ValueError(
                f"test {self.test:g} and validation {self.validation:g} leave less than 5 % to train on; "
                "lower one of them"
            )
        if self.by != "random" and not self.column:
            raise ValueError(f"split by {self.by} needs a column; add `column: NAME` to the split")
        if self.folds and self.by == "column":
            raise ValueError("split by column names the parts, which folds would divide anew; remove one of them")
        return self
