"""What undo and redo go through: the earlier and later states of a draft, kept in the draft's own file.

So that a reload and a second browser can undo, too. A state holds only what the Prepare page changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from workbench import storage
from workbench.errors import StorageError
from workbench.recipe.sharing import step_document

if TYPE_CHECKING:
    from workbench.ui.drafts import Draft

PARTS = ("target", "task", "test_source", "recipe", "split", "seed")
MAX_STATES = 50
MAX_CHARACTERS = 1_000_000  # recipes that name thousands of columns

History = dict[str, list[dict[str, Any]]]


def state_of(draft: Draft) -> dict[str, Any]:
    """Give the parts of a draft that undo brings back, as plain values."""
    return {
        "target": draft.target,
        "answer": draft.answer,
        "task": draft.task,
        "test_source": draft.test_source,
        "recipe": [step_document(step) for step in draft.recipe],
        "split": draft.split.model_dump(mode="json"),
        "seed": draft.seed,
    }


def read(document: Any) -> History:
    """Take the history out of a draft's file; whatever is no history is none."""
    found = document.get("history") if isinstance(document, dict) else None
    found = found if isinstance(found, dict) else {}
    return {
        name: [state for state in found.get(name) or [] if isinstance(state, dict)]
        if isinstance(found.get(name), list)
        else []
        for name in ("past", "future")
    }


def grown(history: History, before: Draft, after: Draft) -> History:
    """Note a change; what had been undone can't be redone any more."""
    if state_of(before) == state_of(after):
        return history
    return bounded({"past": [*history["past"], state_of(before)], "future": []})


def bounded(history: History) -> History:
    """Forget the oldest states beyond the limits."""
    past, future = history["past"][-MAX_STATES:], history["future"][-MAX_STATES:]
    while past and len(storage.to_json([past, future])) > MAX_CHARACTERS:
        past = past[max(1, len(past) // 4) :]
    return {"past": past, "future": future}


def step_back(history: History, draft: Draft, *, redo: bool = False) -> tuple[Draft, History] | None:
    """Go to the state before, or with `redo` to the one after; None where there is none."""
    source, other = ("future", "past") if redo else ("past", "future")
    states = list(history[source])
    while states:
        state = states.pop()
        try:
            changed = draft.changed(**{name: state.get(name) for name in PARTS if name in state})
        except (ValidationError, StorageError):
            continue  # a state of another version
        if state_of(changed) != state_of(draft):
            return changed, {**history, source: states, other: [*history[other], state_of(draft)]}
    return None


def describe(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Say in a few words what changed from one state to another.

    Examples
    --------
    >>> describe({"recipe": []}, {"recipe": [{"step": "impute"}]})
    'impute added'
    >>> describe({"seed": 0, "recipe": []}, {"seed": 1, "recipe": []})
    'seed changed'
    """
    old, new = before.get("recipe") or [], after.get("recipe") or []
    if old == new:
        changed = [name.replace("_", " ") for name in PARTS if before.get(name) != after.get(name)]
        return f"{' and '.join(changed)} changed" if changed else "nothing changed"
    names_old, names_new = [step.get("step", "") for step in old], [step.get("step", "") for step in new]
    if len(old) == len(new):
        different = [index for index, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
        if len(different) == 1 and names_old == names_new:
            return f"{_word(names_new[different[0]])} edited"
        return "steps reordered" if sorted(names_old) == sorted(names_new) else "recipe changed"
    if abs(len(old) - len(new)) == 1:
        longer, shorter, verb = (new, old, "added") if len(new) > len(old) else (old, new, "removed")
        for index, step in enumerate(longer):
            if [*longer[:index], *longer[index + 1 :]] == shorter:
                return f"{_word(step.get('step', ''))} {verb}"
    return "recipe changed"


def _word(step: str) -> str:
    return step.replace("_", " ")
