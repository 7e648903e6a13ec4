"""The steps of a recipe as they stand in a RunSpec. What a step does lives in the modules beside this one.

Row steps decide which rows exist and learn nothing. Learned steps are fitted on training rows only and travel in
the model.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: ClassVar[str]  # group in the "Add step" menu
    summary: ClassVar[str]  # one sentence for the menu
    step: str
    enabled: bool = True


class DropColumns(_Step):
    """Leave columns out of the model; they stay visible in the table."""

    purpose: ClassVar[str] = "Columns"
    summary: ClassVar[str] = "Leave columns out: identifiers, leaks, text that no step encodes."
    step: Literal["drop_columns"] = "drop_columns"
    columns: tuple[str, ...] = Field(min_length=1)


class DropDuplicates(_Step):
    """Keep the first of equal rows (equal in `columns`, or in all columns when absent)."""

    purpose: ClassVar[str] = "Rows"
    summary: ClassVar[str] = "Keep the first of several equal rows, so that none is in both training and test."
    step: Literal["drop_duplicates"] = "drop_duplicates"
    columns: tuple[str, ...] | None = None


class DropMissing(_Step):
    """Drop rows with a missing value in `columns` (in any column when absent). Never applied to a request."""

    purpose: ClassVar[str] = "Rows"
    summary: ClassVar[str] = "Drop rows with missing values; imputing keeps them instead."
    step: Literal["drop_missing"] = "drop_missing"
    columns: tuple[str, ...] | None = None


class Impute(_Step):
    """Fill missing values with a statistic of the training rows, or with `fill_value`."""

    purpose: ClassVar[str] = "Missing values"
    summary: ClassVar[str] = "Fill missing values with a statistic of the training rows."
    step: Literal["impute"] = "impute"
    columns: tuple[str, ...] = Field(min_length=1)
    strategy: Literal["mean", "median", "most_frequent", "constant"] = "median"
    fill_value: float | str | None = None


class OneHot(_Step):
    """One 0/1 column for each category seen in training; an unseen or missing one gives all zeros."""

    purpose: ClassVar[str] = "Categories"
    summary: ClassVar[str] = "One 0/1 column for each category seen in training."
    step: Literal["one_hot"] = "one_hot"
    columns: tuple[str, ...] = Field(min_length=1)


class Ordinal(_Step):
    """Replace each category by its place in the sorted list of training categories; -1 for unseen or missing."""

    purpose: ClassVar[str] = "Categories"
    summary: ClassVar[str] = "Replace each category by its number; compact, and enough for trees."
    step: Literal["ordinal"] = "ordinal"
    columns: tuple[str, ...] = Field(min_length=1)


class Standardize(_Step):
    """Subtract the training mean and divide by the training standard deviation."""

    purpose: ClassVar[str] = "Scale"
    summary: ClassVar[str] = "Mean 0 and standard deviation 1 on the training rows; networks and linear models need it."
    step: Literal["standardize"] = "standardize"
    columns: tuple[str, ...] = Field(min_length=1)


class MinMax(_Step):
    """Map the training minimum to 0 and the training maximum to 1; values outside go below 0 or above 1."""

    purpose: ClassVar[str] = "Scale"
    summary: ClassVar[str] = "Smallest training value becomes 0, largest becomes 1."
    step: Literal["min_max"] = "min_max"
    columns: tuple[str, ...] = Field(min_length=1)


RowStep = DropDuplicates | DropMissing
LearnedStep = Impute | OneHot | Ordinal | Standardize | MinMax
Step = Annotated[
    DropColumns | DropDuplicates | DropMissing | Impute | OneHot | Ordinal | Standardize | MinMax,
    Field(discriminator="step"),
]
