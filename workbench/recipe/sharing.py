"""Recipes as text: YAML and JSON to send to others, and what others send, read with suspicion."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from workbench.errors import RecipeError
from workbench.recipe.spec import Step

MAX_BYTES = 1 << 20
MAX_STEPS = 500
MAX_DEPTH = 12  # a RunSpec needs six
_STEPS: TypeAdapter[tuple[Step, ...]] = TypeAdapter(tuple[Step, ...])
_ADVICE = "Export it from the workbench again, or correct it."


def step_document(step: Step) -> dict[str, Any]:
    """Give a step as plain values, without what equals a default.

    Examples
    --------
    >>> from workbench.recipe.spec import Impute
    >>> step_document(Impute(columns=("age",)))
    {'step': 'impute', 'columns': ['age'], 'strategy': 'median'}
    """
    document = {"step": step.step, **step.model_dump(mode="json", exclude_defaults=True)}
    if step.step == "impute":  # the strategy is what a reader looks for
        document["strategy"] = step.strategy
    return document


def to_yaml(document: Any) -> str:
    """Write plain values as YAML, one line a step."""
    import yaml

    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120))


def parse_document(text: str | bytes) -> Any:
    """Read YAML or JSON of unknown origin into plain values.

    Anchors and aliases, deep nesting and large documents are refused before anything is built, since a few lines of
    YAML can describe more than any memory holds.

    Raises
    ------
    RecipeError
        If it is neither, or beyond a limit.
    """
    data = text.encode() if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise RecipeError(
            f"Got {len(data) / MAX_BYTES:,.1f} MiB, needed a recipe of at most 1 MiB. Choose the recipe's own file."
        )
    try:
        written = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"Got bytes that aren't text in UTF-8 (at byte {error.start:,}), needed a recipe as YAML or JSON. {_ADVICE}"
        ) from error
    try:
        document = json.loads(written)  # first, since JSON allows a few characters that YAML doesn't
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError:
        document = _from_yaml(written)
    return document


def _from_yaml(text: str) -> Any:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_bombs(text, loader)
        return yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, named above
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" in line {place.line + 1}" if place is not None else ""
        what = getattr(error, "problem", None) or "unreadable"
        raise RecipeError(
            f"Got text that is no YAML{where} ({what}), needed a recipe as YAML or JSON. {_ADVICE}"
        ) from (error)
    except (RecursionError, ValueError) as error:  # a date such as 2024-99-99 is a ValueError
        raise RecipeError(f"Got a value that can't be read ({error}), needed a recipe. {_ADVICE}") from error


def _refuse_bombs(text: str, loader: Any) -> None:
    """Look at the stream of events, which takes memory for none of what it describes."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        anchor = getattr(event, "anchor", None)
        if anchor:
            raise RecipeError(
                f"Got YAML with an anchor or alias ({anchor!r}), needed plain values: aliases can multiply "
                "without end. Write the values out."
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _too_deep()


def parse_steps(document: Any) -> tuple[Step, ...]:
    """Build the steps of a document: a list of them, or a mapping with `steps` or `recipe` (a RunSpec).

    Raises
    ------
    RecipeError
        With one line for each part that is wrong, at most ten.
    """
    if isinstance(document, dict):
        key = "steps" if "steps" in document else "recipe"
        if key not in document and "estimator" not in document:
            raise RecipeError(
                f"Got a mapping of {_listed(document)}, needed `steps`, or a RunSpec with its `recipe`. {_ADVICE}"
            )
        document = document.get(key, [])
    if not isinstance(document, list):
        raise RecipeError(f"Got {_article(document)}, needed a list of steps. {_ADVICE}")
    if len(document) > MAX_STEPS:
        raise RecipeError(f"Got {len(document):,} steps, needed at most {MAX_STEPS}. Join steps that do the same.")
    if not _is_finite(document):
        raise RecipeError("Got a number that is infinite or not a number, needed finite ones. Correct it.")
    try:
        return _STEPS.validate_python(document)
    except ValidationError as error:
        raise RecipeError(_explain(error, document)) from error


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_finite(entry) for entry in value.values())
    if isinstance(value, list):
        return all(_is_finite(entry) for entry in value)
    return not isinstance(value, float) or math.isfinite(value)


def _explain(error: ValidationError, document: Sequence[Any], limit: int = 10) -> str:
    lines = []
    for problem in error.errors()[:limit]:
        place, *rest = problem["loc"]
        entry = document[int(place)]
        name = entry.get("step") if isinstance(entry, dict) else None
        where = f"step {int(place) + 1}" + (f" ({str(name)[:40]})" if name else "")
        # the tag of the union stands in the path after the place
        field = ".".join(str(part) for part in rest[1:])
        got = "nothing" if problem["type"] == "missing" else repr(problem.get("input"))[:80]
        words = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{where}{f', {field}' if field else ''}: got {got}; {words}.")
    if len(error.errors()) > limit:
        lines.append(f"... and {len(error.errors()) - limit:,} more.")
    return f"Got a recipe that can't be used, needed steps that the workbench has. {_ADVICE}\n" + "\n".join(lines)


def _listed(names: Any) -> str:
    shown = ", ".join(repr(str(name)[:40]) for name in list(names)[:5])
    return shown + (", ..." if len(names) > 5 else "") if shown else "nothing"


def _article(value: Any) -> str:
    words = {str: "a word", int: "a number", float: "a number", bool: "yes or no", type(None): "nothing"}
    return words.get(type(value), f"a {type(value).__name__}")


def _too_deep() -> RecipeError:
    return RecipeError(
        f"Got a document nested more than {MAX_DEPTH} levels deep, needed a recipe: a list of steps. {_ADVICE}"
    )
