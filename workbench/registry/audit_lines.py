"""The lines of a model's audit as they stand in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.storage import read_json_lines


def publish_times(folder: Path) -> dict[int, float]:
    """Give when each version was published, in seconds since 1970."""
    return {line["version"]: float(line.get("time", 0.0)) for line in read_audit(folder) if line["action"] == "publish"}


def read_audit(folder: Path) -> list[dict[str, Any]]:
    """Read the audit of a model's folder, oldest first; lines that aren't whole are passed over."""
    lines, _ = read_json_lines(folder / "audit.jsonl")
    return [line for line in lines if _is_entry(line)]


def _is_entry(line: Any) -> bool:
    return (
        isinstance(line, dict)
        and isinstance(line.get("action"), str)
        and type(line.get("version")) is int
        and isinstance(line.get("time", 0.0), (int, float))
    )
