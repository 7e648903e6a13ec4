"""The RunSpec: the one document that describes a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.data.spec import DataSpec, SplitSpec
from workbench.errors import SpecError
from workbench.estimators.spec import EstimatorSpec, TrainingSpec
from workbench.recipe.spec import Step
from workbench.training.search_spec import SearchSpec

SPEC_VERSION: Literal[1] = 1


class RunSpec(BaseModel):
    """Data, recipe, split, estimator, training options, search and seed of one run.

    Pages are forms that edit it, notebooks build it, the command line reads it from YAML, a worker executes it and the
    package of a published model carries it.

    Examples
    --------
    >>> spec = RunSpec(data={"source": "iris", "target": "species"}, estimator={"name": "random_forest"})
    >>> RunSpec.from_yaml(spec.to_yaml()) == spec
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec_version: Literal[1] = SPEC_VERSION
    name: str = Field("run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    data: DataSpec
    recipe: tuple[Step, ...] = ()
    split: SplitSpec = Field(default_factory=SplitSpec)
    estimator: EstimatorSpec
    training: TrainingSpec = Field(default_factory=TrainingSpec)
    search: SearchSpec | None = None
    seed: int = Field(0, ge=0, lt=2**32)

    @property
    def opened_data(self) -> DataSpec:
        """What is opened for a run: `data`, without a target that a step of the recipe makes."""
        from workbench.recipe.made_target import may_be_made

        if not may_be_made(self.recipe, self.data.target):
            return self.data
        return self.data.model_copy(update={"target": ""})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> RunSpec:
        """Give a copy with other parts; they may be plain values and are checked, as pydantic's own copy doesn't.

        Raises
        ------
        SpecError
            With one line for each field that is wrong.

        Examples
        --------
        >>> spec = RunSpec(data={"source": "iris", "target": "species"}, estimator={"name": "random_forest"})
        >>> spec.model_copy(update={"search": {"method": "grid"}}).search.method
        'grid'
        """
        copied = super().model_copy(deep=deep)
        if not update:
            return copied
        return RunSpec.parse({name: getattr(copied, name) for name in RunSpec.model_fields} | dict(update))

    @classmethod
    def parse(cls, document: Any) -> RunSpec:
        """Check a document (as from JSON or YAML) and build the spec.

        Raises
        ------
        SpecError
            With one line for each field that is wrong.
        """
        if isinstance(document, RunSpec):
            return document
        if not isinstance(document, dict):
            raise SpecError(
                f"Got a {type(document).__name__}, needed a RunSpec: a mapping with at least `data` and `estimator`. "
                "Write both, each with a colon."
            )
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise SpecError(_explain(error)) from error

    @classmethod
    def from_yaml(cls, text: str) -> RunSpec:
        """Parse YAML or JSON."""
        try:
            return cls.parse(_loaded(text))
        except yaml.YAMLError as error:
            raise SpecError(f"The RunSpec isn't valid YAML: {error}. Correct the line it names.") from error
        except RecursionError as error:
            raise SpecError(
                "Got a document nested thousands of levels deep, needed a RunSpec. Correct its brackets."
            ) from error

    @classmethod
    def read(cls, path: str | Path) -> RunSpec:
        """Read a YAML or JSON file."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(
                f"Got {str(path)!r}, which can't be read ({_cause(error)}); needed a readable RunSpec file "
                "(YAML or JSON). Correct the path."
            ) from error
        return cls.from_yaml(text)

    def to_dict(self) -> dict[str, Any]:
        """Give the spec as plain values, without what equals a default."""
        document = self.model_dump(mode="json", exclude_defaults=True)
        document["recipe"] = [_step_document(step) for step in self.recipe]
        if not document["recipe"]:
            del document["recipe"]
        if training := self.training.to_dict():
            document["training"] = training
        return {"spec_version": self.spec_version, "name": self.name, **document}

    def to_yaml(self) -> str:
        """Give the spec as YAML, in the order of the work."""
        return str(
            yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
        )

    def to_json(self) -> str:
        """Give the spec as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)  # first, since JSON allows a few characters that YAML doesn't
    except ValueError:
        return yaml.safe_load(text)


def _cause(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it isn't text in UTF-8"


def _step_document(step: Any) -> dict[str, Any]:
    document = {"step": step.step, **step.model_dump(mode="json", exclude_defaults=True)}
    if step.step == "impute":  # the strategy is what a reader looks for
        document["strategy"] = step.strategy
    return document


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "RunSpec"
        got = problem.get("input")
        shown = "nothing" if problem["type"] == "missing" else repr(got)[:80]
        lines.append(f"{where}: got {shown}; {problem['msg']}.")
    return "The RunSpec can't be used:\n" + "\n".join(lines)
