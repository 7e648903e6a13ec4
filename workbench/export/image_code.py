"""What differs in the code of a run on images: no columns to preview or to share an answer out among."""

from __future__ import annotations

from workbench.data.keras_sets import is_keras_set
from workbench.errors import EstimatorError
from workbench.estimators.image_forms import image_entry
from workbench.training.spec import RunSpec

Section = tuple[str, str, str, list[list[str]], str]

EXPLANATION = ["model = run.model()", "wb.explain_image(model, run.unseen_rows(1)).plot()"]
ANSWERS = [
    "model.predict_frame(images)",
    '# model.predict_frame(["photo.png"])  # files, bytes, arrays and folders, too',
]


def carried_images(owner: str, position: int = 0) -> str:
    """Take one of the training images that a model carries; `owner` is the expression of its run or version."""
    return f"images = {owner}.background()[{position}:{position + 1}]"


def explanation_of(model: str, position: int = 0) -> list[str]:
    """Explain an image that a published model carries; `model` is the literal of its name."""
    return [
        f"model = wb.load_model({model})",
        carried_images(f"wb.open_version({model})", position),
        "wb.explain_image(model, images).plot()",
    ]


def explanation_of_run(position: int = 0) -> list[str]:
    """Explain an image that the model of `run` carries."""
    return ["model = run.model()", carried_images("run", position), "wb.explain_image(model, images).plot()"]


def is_for_images(spec: RunSpec) -> bool:
    """Whether a spec describes a run on images, as far as the spec alone tells.

    Examples
    --------
    >>> is_for_images(RunSpec(data={"source": "mnist"}, estimator={"name": "dense_network"}))
    True
    """
    try:
        found = image_entry(spec.estimator.name)
    except EstimatorError:
        return False
    if found is None or found.name != "dense_network":
        return found is not None
    steps = any(step.family == "image" and step.enabled for step in spec.recipe)
    return steps or is_keras_set(spec.data.source) or not spec.data.target


def for_images(sections: list[Section]) -> list[Section]:
    """Give the sections of a notebook for a run on images."""
    changed = []
    for section in sections:
        if section[0] == "explain":
            words = "Which part of an image an answer rests on: each part is covered in turn."
            section = ("explain", "Explain", words, [EXPLANATION], "")
        if section[0] != "prepare":
            changed.append(section)
    return changed
