"""Every exception of the workbench.

::

    WorkbenchError
    ├── SettingsError       a setting has a value that can't be used
    ├── StorageError        the disk refused: full, read-only, missing
    ├── DataError           a table can't be read or used
    │   ├── ReadError           the file isn't what it claims to be
    │   ├── TableNotFoundError  no sample, file or stored table of that name
    │   ├── TargetError         the target column can't be learned
    │   └── SplitError          the rows can't be split as asked
    ├── SpecError           a RunSpec is malformed
    ├── RecipeError         a step can't take these columns
    ├── EstimatorError      unknown estimator or parameter out of range
    ├── RunError            a run can't do what was asked
    │   └── RunNotFoundError    no run of that id
    ├── PackageError        a model package can't be built or loaded
    │   ├── ConversionError     no ONNX graph for this model
    │   └── IntegrityError      a file's checksum or signature is wrong
    ├── InputError          rows to predict don't fit the model's signature
    ├── EvaluationError     predictions can't be measured or compared as asked
    ├── ExplainError        an explanation can't be computed
    ├── ModelNotFoundError  no model, version or alias of that name
    ├── RegistryError       a version can't be published, promoted or rolled back
    ├── RequestError        an HTTP request isn't what the service understands
    └── MissingExtraError   an optional library isn't installed

Catch `WorkbenchError` to catch them all. Each message says what came, what was needed and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WorkbenchError(Exception):
    """Base of every error that the workbench raises on purpose."""


class SettingsError(WorkbenchError, ValueError):
    """A setting has a value that can't be used."""


class StorageError(WorkbenchError, OSError):
    """The disk refused to store or return something."""


class DataError(WorkbenchError, ValueError):
    """A table can't be read or used."""


class ReadError(DataError):
    """The file isn't what it claims to be, or is beyond a limit.

    Attributes
    ----------
    options : dict
        Reader options with which it could be read.
    """

    def __init__(self, message: str = "", *, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.options = dict(options or {})


class TableNotFoundError(DataError):
    """No sample, file or stored table of that name."""


class TargetError(DataError):
    """The target column can't be learned."""


class SplitError(DataError):
    """The rows can't be split as asked."""


class SpecError(WorkbenchError, ValueError):
    """A RunSpec is malformed."""


class RecipeError(WorkbenchError, ValueError):
    """A step can't take these columns."""


class EstimatorError(WorkbenchError, ValueError):
    """An estimator is unknown or a parameter is out of its range."""


class RunError(WorkbenchError):
    """A run can't do what was asked."""


class RunNotFoundError(RunError):
    """No run of that id."""


class PackageError(WorkbenchError):
    """A model package can't be built or loaded."""


class ConversionError(PackageError):
    """The model can't be written as an ONNX graph."""


class IntegrityError(PackageError):
    """A file of a package has a wrong checksum or signature."""


class InputError(WorkbenchError, ValueError):
    """Rows to predict don't fit the model's signature."""


class EvaluationError(WorkbenchError, ValueError):
    """Predictions can't be measured or compared as asked."""


class ExplainError(WorkbenchError, ValueError):
    """An explanation can't be computed."""


class ModelNotFoundError(WorkbenchError):
    """No model, version or alias of that name."""


class RegistryError(WorkbenchError):
    """A version can't be published, promoted or rolled back."""


class RequestError(WorkbenchError, ValueError):
    """An HTTP request isn't what the service understands.

    Parameters
    ----------
    message : str
    status : int
        The HTTP status of the answer.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class MissingExtraError(WorkbenchError, ImportError):
    """An optional library isn't installed."""
