"""Change the shape of a number's distribution: outliers, long tails, skew."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.graph.arithmetic import at_least, at_most, expm1, log1p, number
from workbench.recipe.fitted_step import FittedStep, Learning, listed
from workbench.recipe.refusing import refuse_empty
from workbench.recipe.spec import Clip, Log, Power

# What a float32 holds; see `workbench.recipe.blocks`. A power could go beyond it, and no estimator takes that.
LARGEST_RESULT = float(np.finfo(np.float32).max)


class FittedClip(FittedStep):
    """Bounds for each column; what lies beyond one becomes the bound.

    Missing values stay missing and don't count for the bounds. Infinite numbers become a bound.
    """

    name = "clip"

    def __init__(self, lower: np.ndarray, upper: np.ndarray) -> None:
        super().__init__(None)
        self.lower, self.upper = lower, upper

    @classmethod
    def fit(cls, step: Clip, X: np.ndarray, columns: list[str], learning: Learning) -> FittedClip:
        """Learn the bounds; see `FittedStep.fit`.

        A column whose bounds are equal though its values aren't is refused: it would become constant.
        """
        refuse_empty("clip", X, columns)
        shares = [step.lower, step.upper] if step.method == "quantile" else [0.25, 0.75]
        found = np.array([_quantiles(values, shares) for values in X.T]).T
        lower, upper = found
        flat = (lower == upper) & (np.nanmin(X, axis=0) < np.nanmax(X, axis=0))
        if flat.any():
            names = [name for name, wide in zip(columns, flat, strict=True) if wide]
            what = f"quantiles {step.lower:g} and {step.upper:g}" if step.method == "quantile" else "quartiles"
            remedy = "Move the quantiles apart" if step.method == "quantile" else "Use method quantile"
            raise RecipeError(
                f"clip: column {listed(names)} has equal {what} in the training rows, needed different ones, else "
                f"every value would become the same. {remedy}, or remove the column from the step."
            )
        if step.method == "iqr":
            reach = step.factor * (upper - lower)
            lower, upper = lower - reach, upper + reach
        return cls(lower, upper)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Move values to the bounds."""
        return np.asarray(np.clip(X, self.lower, self.upper))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Compare with both bounds."""
        return at_most(graph, at_least(graph, tensor, graph.constant(self.lower)), graph.constant(self.upper))

    def to_dict(self) -> dict[str, Any]:
        """Give the bounds."""
        return {"lower": self.lower.tolist(), "upper": self.upper.tolist()}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedClip:
        """Read the bounds."""
        return cls(*(np.array(document[key], dtype=np.float64) for key in ("lower", "upper")))


def _quantiles(values: np.ndarray, shares: list[float]) -> np.ndarray:
    return np.asarray(np.quantile(values[~np.isnan(values)], shares))


class FittedLog(FittedStep):
    """sign(x) log(1 + |x|); learns nothing. Missing values stay missing."""

    name = "log"

    def __init__(self) -> None:
        super().__init__(None)

    @classmethod
    def fit(cls, step: Log, X: np.ndarray, columns: list[str], learning: Learning) -> FittedLog:
        """Learn nothing; see `FittedStep.fit`. Columns without any value are refused all the same."""
        refuse_empty("log", X, columns)
        return cls()

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Take the logarithm of the size, with the sign."""
        return np.asarray(np.copysign(np.log1p(np.abs(X)), X))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Take the logarithm of the size, with the sign."""
        return str(graph.node("Mul", log1p(graph, graph.node("Abs", tensor)), graph.node("Sign", tensor)))

    def to_dict(self) -> dict[str, Any]:
        """Give nothing."""
        return {}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedLog:
        """Read nothing."""
        return cls()


class FittedPower(FittedStep):
    """Yeo-Johnson's power of each column, or the same square or square root for all.

    ``PowerTransformer(standardize=False)`` for Yeo-Johnson. ``square_root`` is the root of the size with the sign. A
    result too large for a float32 becomes the largest one. Missing values stay missing. A column with one value only
    gets power 1, which changes nothing.

    Source: Yeo and Johnson, A new family of power transformations to improve normality or symmetry, Biometrika 87,
    2000.
    """

    name = "power"

    def __init__(self, method: str, powers: np.ndarray) -> None:
        super().__init__(None)
        self.method, self.powers = method, powers

    @classmethod
    def fit(cls, step: Power, X: np.ndarray, columns: list[str], learning: Learning) -> FittedPower:
        """Find the powers by maximum likelihood; see `FittedStep.fit`."""
        refuse_empty("power", X, columns)
        if step.method != "yeo_johnson":
            return cls(step.method, np.empty(0))
        powers = np.array([_likeliest_power(values[~np.isnan(values)]) for values in X.T])
        if not np.isfinite(powers).all():
            names = [name for name, power in zip(columns, powers, strict=True) if not np.isfinite(power)]
            raise RecipeError(
                f"power (yeo_johnson): found no power for column {listed(names)}, needed values of a common size. "
                "Put clip or log in front of this step."
            )
        return cls(step.method, powers)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Raise to the powers."""
        with np.errstate(all="ignore"):
            if self.method == "square":
                result = X * X
            elif self.method == "square_root":
                return np.asarray(np.copysign(np.sqrt(np.abs(X)), X))
            else:
                result = self._yeo_johnson(X)
            return np.asarray(np.clip(result, -LARGEST_RESULT, LARGEST_RESULT))

    def _yeo_johnson(self, X: np.ndarray) -> np.ndarray:
        logs = np.log1p(np.abs(X))
        result = np.empty_like(X)
        for place, power in enumerate(self.powers):
            negative = X[:, place] < 0
            upper = logs[:, place] if power == 0 else np.expm1(power * logs[:, place]) / power
            if negative.any():
                mirrored = 2 - power
                lower = -logs[:, place] if mirrored == 0 else -np.expm1(mirrored * logs[:, place]) / mirrored
                upper = np.where(negative, lower, upper)
            result[:, place] = upper
        return result

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Raise to the powers, with logarithms that keep the digits of small numbers."""
        if self.method == "square_root":
            return str(graph.node("Mul", graph.node("Sqrt", graph.node("Abs", tensor)), graph.node("Sign", tensor)))
        result = graph.node("Mul", tensor, tensor) if self.method == "square" else self._emit_yeo_johnson(graph, tensor)
        result = at_least(graph, result, number(graph, -LARGEST_RESULT))
        return at_most(graph, result, number(graph, LARGEST_RESULT))

    def _emit_yeo_johnson(self, graph: GraphBuilder, tensor: str) -> str:
        logs = log1p(graph, graph.node("Abs", tensor))
        upper = _emit_powers(graph, logs, self.powers)
        lower = graph.node("Neg", _emit_powers(graph, logs, 2 - self.powers))
        return str(graph.node("Where", graph.node("Less", tensor, number(graph, 0.0)), lower, upper))

    def to_dict(self) -> dict[str, Any]:
        """Give method and powers."""
        return {"method": self.method, "powers": self.powers.tolist()}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedPower:
        """Read method and powers."""
        return cls(str(document["method"]), np.array(document["powers"], dtype=np.float64))


def _emit_powers(graph: GraphBuilder, logs: str, powers: np.ndarray) -> str:
    plain = powers == 0
    divisors = graph.constant(np.where(plain, 1.0, powers))
    raised = graph.node("Div", expm1(graph, graph.node("Mul", logs, divisors)), divisors)
    return str(graph.node("Where", graph.constant(plain), logs, raised) if plain.any() else raised)


def _likeliest_power(values: np.ndarray) -> float:
    import warnings

    from scipy import stats

    if values.min() == values.max():
        return 1.0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return float(stats.yeojohnson(values)[1])
        except (ValueError, OverflowError):  # the search leaves the range of doubles
            return float("nan")
