"""Files of rows to predict: read as the model's training table was, whatever the few rows at hand look like."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from workbench.data.image_heads import IMAGE_ENDINGS
from workbench.data.spec import ReaderOptions
from workbench.package.image_inputs import read_file
from workbench.package.signature import Signature
from workbench.settings import Settings


def read_rows(path: str | Path, signature: Signature, *, settings: Settings | None = None) -> pl.DataFrame:
    """Read a file whose rows are to be predicted.

    A reader guesses types from the values. Where the model takes text, that guess is undone: ``31.12.2024`` and
    ``1,50`` must reach a step that parses dates or converts numbers as they stand in the file.

    Parameters
    ----------
    path : str or Path
    signature : Signature
        Of the model; columns that it doesn't take are read as they look.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError, ReadError
        If there is no such file, or it isn't a table.
    """
    from workbench.data.reading import read_frame

    if signature.image is not None:
        return read_images(Path(path), signature.image.name, settings)
    frame = read_frame(path, settings=settings)
    texts = {name for name, kind in signature.types.items() if kind == "string"}
    guessed = [name for name, dtype in frame.schema.items() if name in texts and dtype not in (pl.String, pl.Null)]
    if not guessed:
        return frame
    options = ReaderOptions(types=dict.fromkeys(guessed, "text"))
    again = read_frame(path, options=options, settings=settings)
    # Spaces around a cell are left out of text that is recognised as such, too.
    return again.with_columns(pl.col(guessed).cast(pl.String).str.strip_chars())


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
