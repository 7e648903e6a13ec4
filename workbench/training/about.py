"""What people say about a run: a note, tags and its priority. It may change at any time, unlike the spec."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workbench import storage
from workbench.errors import RunError, StorageError
from workbench.locking import locked
from workbench.training.state import ABOUT

_LONGEST_NOTE = 10_000
_LONGEST_TAG = 64
_MOST_TAGS = 50
_PRIORITIES = (-100, 100)


@dataclass(frozen=True)
class About:
    """What is said about a run.

    Parameters
    ----------
    note : str
    tags : tuple of str
        Each once, in the order given.
    priority : int
        From -100 to 100: of the runs that wait, the one with the highest trains first.
    """

    note: str = ""
    tags: tuple[str, ...] = ()
    priority: int = 0

    def changed(
        self, *, note: str | None = None, tags: Iterable[str] | None = None, priority: int | None = None
    ) -> About:
        """Give it with what isn't None replaced.

        Raises
        ------
        RunError
            If a value can't be used.

        Examples
        --------
        >>> About().changed(tags=["baseline", " baseline "]).tags
        ('baseline',)
        """
        found = self
        if note is not None:
            found = replace(found, note=_checked_note(note))
        if tags is not None:
            found = replace(found, tags=_checked_tags(tags))
        if priority is not None:
            found = replace(found, priority=_checked_priority(priority))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {**asdict(self), "tags": list(self.tags)}


def read_about(folder: Path) -> About:
    """Read what is said about a run; nothing where that can't be read."""
    try:
        document = storage.read_json(folder / ABOUT) or {}
        return About().changed(
            note=document.get("note", ""), tags=document.get("tags", ()), priority=document.get("priority", 0)
        )
    except (StorageError, RunError, AttributeError):
        return About()


def write_about(folder: Path, about: About) -> None:
    """Replace what is said about a run."""
    storage.write_json(folder / ABOUT, about.to_dict())


def change_about(
    folder: Path, *, note: str | None = None, tags: Iterable[str] | None = None, priority: int | None = None
) -> About:
    """Replace what isn't None; two who change different parts at once both get theirs.

    Raises
    ------
    RunError
        If a value can't be used.
    StorageError
        If the disk refuses.
    """
    with locked(folder / f".{ABOUT}.lock"):
        about = read_about(folder).changed(note=note, tags=tags, priority=priority)
        write_about(folder, about)
    return about


def _checked_note(note: object) -> str:
    if not isinstance(note, str) or len(note) > _LONGEST_NOTE:
        got = f"{len(note):,} characters" if isinstance(note, str) else type(note).__name__
        raise RunError(f"Got a note of {got}, needed a text of at most {_LONGEST_NOTE:,} characters. Shorten it.")
    return note.strip()


def _checked_tags(tags: object) -> tuple[str, ...]:
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise RunError(f"Got tags={tags!r}, needed a list of texts. Write tags=[{str(tags)!r}].")
    found = []
    for tag in tags:
        text = " ".join(tag.split()) if isinstance(tag, str) else ""
        if not text or len(text) > _LONGEST_TAG or "," in text or not text.isprintable():
            raise RunError(
                f"Got the tag {str(tag)[:80]!r}, needed 1 to {_LONGEST_TAG} printable characters without a comma. "
                "Correct it, or leave it out."
            )
        found.append(text)
    if len(dict.fromkeys(found)) > _MOST_TAGS:
        raise RunError(f"Got {len(found)} tags, needed at most {_MOST_TAGS}. Leave some out.")
    return tuple(dict.fromkeys(found))


def _checked_priority(priority: object) -> int:
    low, high = _PRIORITIES
    if isinstance(priority, bool) or not isinstance(priority, int) or not low <= priority <= high:
        raise RunError(
            f"Got the priority {priority!r}, needed a whole number from {low} to {high}. Higher ones train first."
        )
    return priority
