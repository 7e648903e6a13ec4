"""Files of rows to predict: read as the model's training table was, whatever the few rows at hand look like."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.data.file_forms import FileForm
from workbench.data.image_heads import IMAGE_ENDINGS
from workbench.data.spec import ReaderOptions
from workbench.package.image_inputs import read_file
from workbench.package.signature import Signature
from workbench.settings import Settings
from workbench.storage import read_json

if TYPE_CHECKING:
    from workbench.data.reading import Noted

FORM_FILE = "form.json"


@dataclass(frozen=True)
class FileRows:
    """Rows of a file, ready to be asked about.

    Parameters
    ----------
    frame : DataFrame
    notes : list of str
        What was recognised in the file.
    misfits : list of str
        Those of the notes that say what isn't as it was in the training table.
    """

    frame: pl.DataFrame
    notes: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)


def file_form(folder: Path | None) -> FileForm | None:
    """Give the form of the file that a package's model learned from.

    Of a package that carries none, what its RunSpec tells the reader; None where that is nothing.
    """
    if folder is None:
        return None
    document = read_json(folder / FORM_FILE)
    if document is not None:
        return FileForm.from_dict(document)
    spec = read_json(folder / "spec.json")
    told = (spec.get("data") or {}).get("reader") if isinstance(spec, dict) else None
    return FileForm.of_told(told) if told else None


def read_rows(
    path: str | Path,
    signature: Signature,
    form: FileForm | None = None,
    *,
    names: Mapping[str, str] | None = None,
    options: ReaderOptions | None = None,
    settings: Settings | None = None,
) -> FileRows:
    """Read a file whose rows are to be predicted.

    A reader guesses types from the values, and marks and dates from the way they are written. What training recognised
    goes before such guesses. Where the model takes text, the guess is undone: ``31.12.2024`` and ``1,50`` must reach a
    step that parses dates or converts numbers as they stand in the file.

    Parameters
    ----------
    path : str or Path
    signature : Signature
        Of the model; columns that it doesn't take are read as they look.
    form : FileForm, optional
        Of the file that the model learned from.
    names : mapping of str to str, optional
        From columns of the file to the model's, where they are called otherwise than in capitals alone.
    options : ReaderOptions, optional
        What is set by hand for this file.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError, ReadError
        If there is no such file, or it isn't a table.
    """
    from workbench.data.cells import MISSING_MARKERS
    from workbench.data.later_files import read_later_rows

    options = options or ReaderOptions()
    if signature.image is not None:
        return FileRows(read_images(Path(path), signature.image.name, settings))

    def read(options: ReaderOptions) -> Noted:
        return read_later_rows(
            path,
            form,
            columns=signature.column_names,
            beside=[signature.target],  # the answers may stand beside the rows
            names=names,
            kept=signature.words_seen(MISSING_MARKERS),
            options=options,
            settings=settings,
        )

    found = read(options)
    frame, written = found.frame, found.written
    texts = {name for name, kind in signature.types.items() if kind == "string"}
    guessed = [
        name
        for name, dtype in frame.schema.items()
        if name in texts and dtype not in (pl.String, pl.Null) and written.get(name, name) not in options.types
    ]
    if guessed:
        types = {written.get(name, name): "text" for name in guessed}
        found = read(options.model_copy(update={"types": {**options.types, **types}}))
        # Spaces around a cell are left out of text that is recognised as such, too.
        frame = found.frame.with_columns(pl.col(guessed).cast(pl.String).str.strip_chars())
    return FileRows(frame, found.notes, found.misfits)


def given_rows(rows: Any, folder: Path | None, signature: Signature) -> Any:
    """Give rows as they came; those of a file that is named by its path are read, first as the training table was.

    What isn't as in training becomes a warning. Paths of images stay what they are.

    Raises
    ------
    TableNotFoundError, ReadError
        If it names a file, and that can't be read.
    """
    if not isinstance(rows, str | Path) or signature.image is not None:
        return rows
    read = read_rows(rows, signature, file_form(folder))
    for misfit in read.misfits:
        warnings.warn(misfit, stacklevel=4)
    return read.frame


def read_images(path: Path, column: str, settings: Settings | None = None) -> pl.DataFrame:
    """Read one image, or what holds several: a folder, a zip, an ``.npz``, a table with an image column.

    Returns
    -------
    DataFrame
        The images under the model's name for them, and what else there is: ``file``, ``label``.

    Raises
    ------
    TableNotFoundError, ReadError
        If there is no such file, or it holds no images.
    """
    from workbench.data.reading import read_frame

    if path.is_file() and path.name.lower().endswith(IMAGE_ENDINGS):
        return pl.DataFrame({column: [read_file(path)], "file": [path.name]})
    frame = read_frame(path, settings=settings)
    found = [name for name, dtype in frame.schema.items() if dtype == pl.Binary]
    if column not in frame.columns and len(found) == 1:
        return frame.rename({found[0]: column})
    return frame
