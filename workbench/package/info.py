"""What is known about a package beside its model: which engine predicts, how faithful the graph is, how fast."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from workbench.errors import PackageError
from workbench.storage import read_json

FILE = "package.json"
FORMAT = 1
SPEC_FILE = "spec.json"
SPEC_VERSION = 1  # of the RunSpecs that are understood; a test holds it to `workbench.training.spec.SPEC_VERSION`


@dataclass(frozen=True)
class PackageInfo:
    """Facts about a package, measured when it was built.

    Parameters
    ----------
    engine : {"onnx", "native"}
        What predicts: the graph, or the native model where there is no faithful graph.
    max_difference : float or None
        Largest difference between graph and native model: of a probability, or of a value in standard deviations of the
        target. None where no graph could be built.
    labels_changed : int or None
        Rows whose label differs between the two; 0 for regression.
    n_rows_checked : int
        Rows that both have answered: every evaluation row, and rows with missing and unseen values.
    reason : str
        Why the native model predicts; empty for the graph.
    latency_ms, native_latency_ms : float or None
        Median milliseconds for one row, through the graph and through the native model.
    estimator : str
    created : float
        Seconds since 1970.
    versions : dict of str to str
        Of the libraries that built it.
    """

    engine: Literal["onnx", "native"]
    max_difference: float | None
    labels_changed: int | None
    n_rows_checked: int
    reason: str
    latency_ms: float | None
    native_latency_ms: float | None
    estimator: str
    created: float
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {"format": FORMAT, **asdict(self)}


def package_info(folder: Path) -> PackageInfo:
    """Read what is known about a package.

    Raises
    ------
    PackageError
        If the folder isn't a package of a format that this workbench knows.
    """
    document = read_json(Path(folder) / FILE)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = "no" if document is None else "another"
        raise PackageError(
            f"Got {folder} with {found} {FILE}, needed one of format {FORMAT}. "
            "Name the folder of a package, or update the workbench."
        )
    try:
        return PackageInfo(**{entry.name: document[entry.name] for entry in fields(PackageInfo)})
    except KeyError as error:
        raise PackageError(f"Got {folder} with a {FILE} without {error}. Build the package again.") from error


def check_spec(folder: Path) -> None:
    """Refuse a package whose RunSpec is of a later format: what it says about the model may mean something else.

    Raises
    ------
    PackageError
        Also if there is none, or it can't be read.
    """
    document = read_json(Path(folder) / SPEC_FILE)
    if not isinstance(document, dict):
        raise PackageError(f"Got {folder} without a {SPEC_FILE}, needed the RunSpec. Build the package again.")
    version = document.get("spec_version", SPEC_VERSION)
    if type(version) is not int or version > SPEC_VERSION:
        raise PackageError(
            f"Got {folder} with a {SPEC_FILE} of format {version!r}, needed {SPEC_VERSION} or earlier. "
            "Update the workbench."
        )
