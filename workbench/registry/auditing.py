"""Who made which version live, and when; and the lock that lets one writer change a model at a time."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from workbench.errors import RegistryError
from workbench.registry.audit_lines import read_audit
from workbench.registry.repository import model_folder
from workbench.settings import Settings, current
from workbench.storage import append_json_line, disk_errors

Action = Literal["publish", "promote", "rollback"]
LOCK_SECONDS = 120.0  # a publish copies a package while it holds the lock; none takes this long


def audit(name: str, *, settings: Settings | None = None) -> list[dict[str, Any]]:
    """List what was done to a model, oldest first.

    Each entry has ``time`` (seconds since 1970), ``action`` (publish, promote, rollback), ``alias`` (the alias that
    moved, or None), ``version``, ``previous`` (where the alias, or the champion, pointed before), ``by`` and ``note``.

    Raises
    ------
    ModelNotFoundError
        If there is no model of that name.
    """
    return read_audit(model_folder(name, settings or current()))


def record(
    folder: Path,
    *,
    action: Action,
    alias: str | None,
    version: int,
    previous: int | None,
    by: str | None,
    note: str,
) -> None:
    """Append one line to a model's audit."""
    append_json_line(
        folder / "audit.jsonl",
        {
            "time": time.time(),
            "action": action,
            "alias": alias,
            "version": version,
            "previous": previous,
            "by": by or _user(),
            "note": note,
        },
    )


def live_versions(folder: Path, alias: str, now: int) -> list[int]:
    """Give the versions that rollback walks back through, oldest first, the live one (`now`) last.

    A promotion puts a version on top, a rollback takes it off. An alias that was moved without an audit line (a kill
    between the two writes, a hand edit) is put where it fits.
    """
    stack: list[int] = []
    for line in read_audit(folder):
        if line.get("alias") == alias:
            _move(stack, line["version"], back=line["action"] == "rollback")
    if not stack or stack[-1] != now:
        _move(stack, now, back=now in stack)
    return stack


def _move(stack: list[int], version: int, *, back: bool) -> None:
    if back:
        while stack and stack[-1] != version:
            stack.pop()
    if not stack or stack[-1] != version:
        stack.append(version)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the right to change a model; readers never wait for it.

    Raises
    ------
    RegistryError
        If another process keeps the lock for two minutes.
    """
    from filelock import FileLock, Timeout

    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout as error:
            raise RegistryError(
                f"Got no lock on {folder} within {LOCK_SECONDS:.0f} s, because another process is changing this model. "
                "Wait for it or end it, then try again."
            ) from error
    try:
        yield
    finally:
        lock.release()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no entry for this user id, as in many containers
        return "unknown"
