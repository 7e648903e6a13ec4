"""What a run trains on: the CPU, one GPU, or all of them."""

from __future__ import annotations

import os
from contextlib import suppress

from workbench.settings import environment_value
from workbench.training.gpu import NvmlReader
from workbench.training.spec import RunSpec
from workbench.training.tickets import ALL_GPUS, GPU, Need


def needed_by(spec: RunSpec, *, gpus: tuple[str, ...] | None = None) -> Need:
    """Say what a run needs: a network takes a GPU where there is one and the spec doesn't say otherwise.

    Parameters
    ----------
    spec : RunSpec
    gpus : tuple of str, optional
        The GPUs of this machine; it is asked when absent.
    """
    from workbench.estimators.catalogue import entry

    if entry(spec.estimator.name).engine != "keras" or spec.training.device == "cpu":
        return Need(folder=os.getcwd())
    gpus = usable_gpus() if gpus is None else gpus
    if not gpus:
        return Need(folder=os.getcwd())
    return Need(ALL_GPUS if spec.training.device == "all_gpus" and len(gpus) > 1 else GPU, gpus, os.getcwd())


def usable_gpus() -> tuple[str, ...]:
    """Name the GPUs that this process may use, as CUDA does: those of CUDA_VISIBLE_DEVICES where that is set.

    Examples
    --------
    >>> named_gpus("1,GPU-5a3f,-1,0")
    ('1', 'GPU-5a3f')
    """
    named = environment_value("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return named_gpus(named)
    with suppress(Exception):  # no driver, or one that doesn't answer
        return tuple(str(index) for index in range(NvmlReader().n_devices()))
    return ()


def named_gpus(text: str) -> tuple[str, ...]:
    """Read CUDA_VISIBLE_DEVICES: names up to the first that can't be one, as CUDA does."""
    names = []
    for name in (part.strip() for part in text.split(",")):
        if not name or name.startswith("-"):
            break
        names.append(name)
    return tuple(names)
