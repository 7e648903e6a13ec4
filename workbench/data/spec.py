"""The parts of a RunSpec that name the data: where it is, what to predict, how to split it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Task = Literal["classification", "regression"]
Kind = Literal["number", "category", "text", "boolean", "datetime", "identifier", "constant"]
SplitName = Literal["train", "validation", "test"]


class DataSpec(BaseModel):
    """Where the rows come from and which column is to be predicted.

    Parameters
    ----------
    source : str
        A sample's name (``titanic``), the digest of a stored table, or a path to a file.
    target : str
        Column to predict.
    task : {"classification", "regression"}, optional
        Inferred from the target's kind when absent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)
    target: str = Field(min_length=1)
    task: Task | None = None


class SplitSpec(BaseModel):
    """How rows are divided into train, validation and test.

    Parameters
    ----------
    test, validation : float
        Share of all rows, in [0, 0.9]. `validation` is taken from what `test` leaves, and is also a share of all rows.
    by : {"random", "group", "time"}
        ``group`` keeps all rows of one value of `column` together; ``time`` puts the latest rows of `column` into test,
        those before into validation.
    column : str, optional
        The group or time column.
    stratify : bool
        Keep the class shares equal in all parts (classification, ``random`` only).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: float = Field(0.2, ge=0.0, le=0.9)
    validation: float = Field(0.2, ge=0.0, le=0.9)
    by: Literal["random", "group", "time"] = "random"
    column: str | None = None
    stratify: bool = True

    @model_validator(mode="after")
    def _leaves_rows_to_train(self) -> SplitSpec:
        if self.test + self.validation > 0.95:
            raise ValueError(
                f"test {self.test:g} and validation {self.validation:g} leave less than 5 % to train on; "
                "lower one of them"
            )
        if self.by != "random" and not self.column:
            raise ValueError(f"split by {self.by} needs a column; add `column: NAME` to the split")
        return self
