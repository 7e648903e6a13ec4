"""What a worker that is already running can't change any more: whoever differs in it needs a new one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[1]
# Read by libraries when they are loaded, or by Python when it starts; everything else is handed over with the run.
_FIXED = (
    *("OMP_", "OPENBLAS_", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_", "KMP_", "GOMP_", "TF_", "XLA_", "KERAS_"),
    *("NVIDIA_", "LD_", "PYTHON", "POLARS_", "MALLOC_", "LC_", "LANG", "TZ", "SKLEARN_", "CUDA_"),
)
_FREE = {"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"}  # read when a GPU is first used


def fingerprint(environment: Mapping[str, str]) -> str:
    """Give a digest of what a process with this environment, started here and now, would be.

    The program's source, the interpreter, limits and cores of the process, its user, and those variables that count
    once only.
    """
    fixed = sorted(
        (name, value) for name, value in environment.items() if name.startswith(_FIXED) and name not in _FREE
    )
    parts = [source_stamp(), sys.executable, sys.version, str(_limits()), str(_user()), str(fixed)]
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def source_stamp() -> str:
    """Give what changes when any file of the program does."""
    newest, count, size = 0, 0, 0
    for folder, subfolders, names in os.walk(_SOURCE):
        subfolders[:] = [name for name in subfolders if name != "__pycache__"]
        for name in names:
            if name.endswith(".py"):
                try:
                    found = os.stat(os.path.join(folder, name))
                except OSError:
                    continue
                newest, count, size = max(newest, found.st_mtime_ns), count + 1, size + found.st_size
    return f"{_SOURCE} {newest} {count} {size}"


def _limits() -> list[object]:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    try:
        import resource
    except ImportError:  # Windows has none
        return [cores]
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return [cores, *((name, resource.getrlimit(getattr(resource, name))) for name in names)]


def _user() -> tuple[int, ...]:
    return (os.getuid(), os.getgid(), os.getpriority(os.PRIO_PROCESS, 0)) if hasattr(os, "getuid") else ()
