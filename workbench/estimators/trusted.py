"""Reading skops files: the types that may be in one are listed here, never taken from the file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import IntegrityError, PackageError

# skops itself trusts scikit-learn's public estimators and NumPy arrays. These are the private parts of ours.
TRUSTED_TYPES = frozenset(
    {
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "workbench.estimators.support_vectors.SupportVectors",
    }
)


def load_skops(
    path: Path,
    *,
    classes: Sequence[str],
    trusted: frozenset[str] = TRUSTED_TYPES,
    more: Callable[[list[str]], frozenset[str]] | None = None,
) -> Any:
    """Read a skops file that holds one of the expected classes.

    Parameters
    ----------
    path : Path
    classes : sequence of str
        Names of the classes that the file may hold at its top.
    trusted : frozenset of str
        Types allowed beside those that skops always allows.
    more : callable, optional
        Asked which of the types beyond those are allowed, too.

    Raises
    ------
    IntegrityError
        If the file holds another type than allowed; nothing of it has been built then.
    PackageError
        If it can't be read.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - trusted)
        if unknown and more is not None:
            trusted |= more(unknown)
            unknown = sorted(set(unknown) - trusted)
        if unknown:
            raise IntegrityError(
                f"Got {path.name} with the types {', '.join(unknown)}, needed only those of our allow-list. "
                "The file was changed or comes from elsewhere; build the package again."
            )
        loaded = skops.io.load(path, trusted=sorted(trusted))
    except UntrustedTypesFoundException as error:
        raise IntegrityError(f"Got {path.name} with types beyond our allow-list: {error}. Build it again.") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise PackageError(f"Got {path}, needed a readable skops file: {error}. Build the package again.") from error
    if type(loaded).__name__ not in classes:
        raise IntegrityError(
            f"Got {path.name} with a {type(loaded).__name__}, needed one of {', '.join(classes)}. Build it again."
        )
    return loaded
