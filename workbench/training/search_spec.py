"""The part of a RunSpec that says how the estimator's parameters are searched."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SearchMethod = Literal["grid", "random", "halving", "optuna", "everything"]


class SearchRange(BaseModel):
    """What one parameter may be: a range, or a list of values.

    Examples
    --------
    >>> SearchRange(low=0.01, high=1.0, scale="log").values
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log"] = "linear"
    values: tuple[Any, ...] | None = None

    @model_validator(mode="after")
    def _is_a_range_or_a_list(self) -> SearchRange:
        has_range = self.low is not None and self.high is not None
        if has_range == bool(self.values):
            raise ValueError("give either `low` and `high`, or a list of `values`")
        if self.low is not None and self.high is not None:
            if self.low >= self.high:
                raise ValueError(f"low {self.low:g} isn't below high {self.high:g}")
            if self.scale == "log" and self.low <= 0:
                raise ValueError(f"low {self.low:g} has no logarithm; take one above 0, or scale: linear")
        return self


class SearchSpec(BaseModel):
    """How parameters are searched; the best ones then train the run's model.

    Parameters
    ----------
    method : {"grid", "random", "halving", "optuna", "everything"}
        ``optuna`` learns from the trials before (TPE) and ends bad ones early, ``halving`` gives many trials a few rows
        and the better ones more, ``everything`` tries the sensible estimators of the catalogue on a budget.
    n_trials : int
        Most trials; a grid that is smaller ends sooner.
    minutes : float, optional
        Most minutes; the trial under way is ended.
    metric : str, optional
        What is to be best, as Evaluate names it (``roc_auc``, ``rmse``); the task's main metric when absent.
    cv : int, optional
        Folds of the rows that aren't test rows, divided as the run's split says. The validation part alone when absent.
    space : dict of str to SearchRange
        By the name of a parameter, or of a training option as ``training.learning_rate``. The catalogue's ranges when
        empty.
    prune : bool
        End trials that fall behind after some folds or epochs.
    estimators : tuple of str
        Of ``everything``: which ones; all sensible ones when empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: SearchMethod = "optuna"
    n_trials: int = Field(40, ge=1, le=10_000)
    minutes: float | None = Field(None, gt=0.0, le=10_080.0)
    metric: str | None = None
    cv: int | None = Field(None, ge=2, le=20)
    space: dict[str, SearchRange] = Field(default_factory=dict)
    prune: bool = True
    estimators: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _lists_are_values(cls, document: Any) -> Any:
        """Take ``n_estimators: [100, 200]`` for a list of values."""
        if isinstance(document, dict) and isinstance(document.get("space"), dict):
            space = {
                name: {"values": found} if isinstance(found, list | tuple) else found
                for name, found in document["space"].items()
            }
            return {**document, "space": space}
        return document
