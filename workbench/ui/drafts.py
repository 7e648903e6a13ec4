"""The RunSpec that is being edited for a table: ``WORKBENCH_HOME/drafts/<digest>.json``.

On disk and not in the session, so that a reload, another page and a second browser show the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench import storage
from workbench.data.spec import DataSpec, SplitSpec, Task
from workbench.errors import SpecError, StorageError
from workbench.estimators.spec import EstimatorSpec, TrainingSpec
from workbench.recipe.spec import Step
from workbench.settings import Settings, current
from workbench.training.spec import RunSpec

if TYPE_CHECKING:
    from workbench.data import Table


class Draft(BaseModel):
    """A RunSpec whose target may still be missing.

    Parameters
    ----------
    source : str
        How the RunSpec names the table.
    digest : str
        The table's digest; names the file.
    name : str, optional
        The run's name; made from table and estimator when absent.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    digest: str
    name: str | None = None
    target: str | None = None
    task: Task | None = None
    recipe: tuple[Step, ...] = ()
    split: SplitSpec = Field(default_factory=SplitSpec)
    estimator: EstimatorSpec = Field(default_factory=lambda: EstimatorSpec(name="hist_gradient_boosting"))
    training: TrainingSpec = Field(default_factory=TrainingSpec)
    seed: int = 0

    def spec(self) -> RunSpec:
        """Build the RunSpec.

        Raises
        ------
        SpecError
            While no target is chosen, or when a part doesn't fit the others.
        """
        if not self.target:
            raise SpecError("Got no target, needed the column to predict. Choose it on the Prepare page.")
        return RunSpec.parse(
            {
                "name": self.name or self.suggested_name(),
                "data": DataSpec(source=self.source, target=self.target, task=self.task),
                "recipe": self.recipe,
                "split": self.split,
                "estimator": self.estimator,
                "training": self.training,
                "seed": self.seed,
            }
        )

    def suggested_name(self) -> str:
        """Name the run after its table and estimator."""
        short = {"hist_gradient_boosting": "boosting", "random_forest": "forest", "dense_network": "network"}
        estimator = short.get(self.estimator.name, self.estimator.name.replace("_", "-"))
        return f"{self.source}-{estimator}"[:64]

    def changed(self, **parts: Any) -> Draft:
        """Give a copy with other parts, checked."""
        return type(self).model_validate({**{name: getattr(self, name) for name in type(self).model_fields}, **parts})


def load(table: Table, *, settings: Settings | None = None) -> Draft:
    """Read the draft of a table; a new one starts with the table's own target and an empty recipe."""
    fresh = Draft(source=table.source, digest=table.digest, target=table.target)
    try:
        document = storage.read_json(_file(table.digest, settings))
        if document is None:
            return fresh
        draft = Draft.model_validate({**document, "source": table.source, "digest": table.digest})
    except (StorageError, ValidationError):
        return fresh  # a draft of another version is not worth a dead page
    names = {column.name for column in table.columns}
    return draft if draft.target is None or draft.target in names else draft.changed(target=None, task=None)


def save(draft: Draft, *, settings: Settings | None = None) -> Draft:
    """Replace the stored draft in one step.

    Raises
    ------
    StorageError
        If the disk refuses; the draft before is then still there.
    """
    document = draft.model_dump(mode="json", exclude={"source", "digest"}, exclude_none=True)
    storage.write_json(_file(draft.digest, settings), document)
    return draft


def from_spec(spec: RunSpec, table: Table) -> Draft:
    """Start a draft from an existing run's spec."""
    return Draft(
        source=table.source,
        digest=table.digest,
        name=spec.name,
        target=spec.data.target,
        task=spec.data.task,
        recipe=spec.recipe,
        split=spec.split,
        estimator=spec.estimator,
        training=spec.training,
        seed=spec.seed,
    )


def update(table: Table, **parts: Any) -> Draft:
    """Change parts of the stored draft; the others stay as another page or browser left them."""
    return save(load(table).changed(**parts))


def _file(digest: str, settings: Settings | None) -> Path:
    return (settings or current()).home / "drafts" / f"{digest}.json"
