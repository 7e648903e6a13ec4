"""What this machine has, and whether the workbench can work on it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workbench.settings import Settings, current
from workbench.settings import folders as find_folders

PACKAGES = (
    "workbench",
    "streamlit",
    "jupyterlab",
    "tensorflow",
    "keras",
    "scikit-learn",
    "shap",
    "polars",
    "numpy",
    "plotly",
    "onnx",
    "onnxruntime",
    "skl2onnx",
    "fastapi",
    "uvicorn",
)
_GIB = 2**30


def examine(*, settings: Settings | None = None) -> dict[str, Any]:
    """Look at versions, CPU, memory, disk, GPUs and the folders; imports none of the packages it names.

    Returns
    -------
    dict
        ``versions`` (None for a missing package), ``python``, ``platform``, ``cpu``, ``memory``, ``disk``, ``gpus``,
        ``gpu_reason`` (why there is none), ``tpu`` (what is known of one), ``folders`` and ``problems`` (sentences;
        empty when all is well).
    """
    settings = settings or current()
    versions = {name: _version(name) for name in PACKAGES}
    folders = {name: _folder(path) for name, path in (("home", settings.home), ("models", settings.models))}
    if settings.data is not None:
        folders["data"] = _folder(settings.data, needs_writing=False)
    report = {
        "home_reason": find_folders().reason,
        "versions": versions,
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
        "cpu": _cpu(),
        "memory": _memory(),
        "disk": _disk(settings.home),
        **_gpus(),
        "folders": folders,
    }
    return {**report, "problems": _problems(versions, folders)}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> dict[str, Any]:
    import psutil

    from workbench.training.hardware import usable_cores

    return {"name": _cpu_name(), "cores": psutil.cpu_count(logical=True), "usable_cores": usable_cores()}


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> dict[str, float]:
    import psutil

    memory = psutil.virtual_memory()
    return {"total_gib": round(memory.total / _GIB, 1), "available_gib": round(memory.available / _GIB, 1)}


def _disk(folder: Path) -> dict[str, Any]:
    usage = shutil.disk_usage(_existing(folder))
    return {
        "folder": str(folder.resolve()),
        "total_gib": round(usage.total / _GIB, 1),
        "free_gib": round(usage.free / _GIB, 1),
    }


def _gpus() -> dict[str, Any]:
    from workbench.training.hardware import gpu_report

    report = gpu_report()
    found = {"gpus": report["devices"], "gpu_driver": report["driver"], "gpu_reason": report["reason"]}
    return {**found, "tpu": report["tpu"]}


def _folder(path: Path, *, needs_writing: bool = True) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": str(path.resolve()), "exists": path.is_dir(), "writable": False, "reason": None}
    if not needs_writing:
        entry["writable"] = os.access(path, os.W_OK)
        entry["reason"] = None if entry["exists"] else "the folder doesn't exist"
        return entry
    if path.exists() and not path.is_dir():
        entry["reason"] = "it is a file"
        return entry
    # Only a written file tells: permissions lie on network disks, read-only mounts and for the user root.
    probe = _existing(path) / f".workbench-doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"x")
        entry["writable"] = True
    except OSError as error:
        entry["reason"] = error.strerror or str(error)
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return entry


def _existing(path: Path) -> Path:
    """Give the folder itself, or the nearest one above that exists, where it would be made."""
    path = path.resolve()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _problems(versions: dict[str, str | None], folders: dict[str, dict[str, Any]]) -> list[str]:
    missing = [name for name, found in versions.items() if found is None]
    problems = [f"Not installed: {', '.join(missing)}. Install the workbench again: make setup."] if missing else []
    for name, folder in folders.items():
        if folder["reason"]:
            problems.append(
                f"The folder {name} ({folder['path']}) can't be used: {folder['reason']}. "
                f"Mend it, or set WORKBENCH_{name.upper()} to another."
            )
    return problems
