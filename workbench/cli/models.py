"""Commands about models: publish, models, promote, rollback, predict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.output import Json, moment, note, show, table, write_frame
from workbench.cli.tables import ModelOptions, parse_options
from workbench.errors import SpecError

if TYPE_CHECKING:
    import polars as pl

    from workbench.api.scoring import Score
    from workbench.package import Predictor
    from workbench.registry import Version

Note = Annotated[str, typer.Option("--note", help="A line for the audit: why.")]
Model = Annotated[str, typer.Argument(metavar="NAME", help="The model's name.", show_default=False)]
CHUNK_ROWS = 20_000
CHUNK_IMAGES = 1_000


def publish(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a finished or stopped run.", show_default=False)],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The model's name: a-z, 0-9, - and _.", show_default=False)
    ],
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Publish a run as a version of a model.

    The first version goes live at once; later ones when they are promoted.
    """
    from workbench import registry
    from workbench.training.listing import open_run

    version = registry.publish(open_run(run), name, note=note)
    show(version.to_dict(), as_json, lambda: f"Published {version}. {_engine(version)}")


def models(as_json: Json = False) -> None:
    """List the models and their versions."""
    from workbench import registry

    listed = [version for name in registry.models() for version in registry.versions(name)]
    document: dict[str, dict[str, Any]] = {}
    for version in listed:
        entry = document.setdefault(version.name, {"name": version.name, "champion": None, "versions": []})
        entry["versions"].append(version.to_dict())
        if registry.CHAMPION in version.aliases:
            entry["champion"] = version.number
    show(list(document.values()), as_json, lambda: _models_table(listed))


def promote(
    name: Model,
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="The version to make live.", min=1, show_default=False)
    ],
    alias: Annotated[str, typer.Option(help="The alias to move; a bare name means `champion`.")] = "champion",
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Make a version live.

    The service answers with it from the next request on.
    """
    from workbench import registry

    version = registry.promote(name, number, alias, note=note)
    show(version.to_dict(), as_json, lambda: f"{name} version {number} is {alias} now.")


def rollback(
    name: Model,
    alias: Annotated[str, typer.Option(help="The alias to move back.")] = "champion",
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Go back to the version before."""
    from workbench import registry

    version = registry.rollback(name, alias, note=note)
    show(version.to_dict(), as_json, lambda: f"{name} version {version.number} is {alias} again.")


def predict(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="NAME (its champion), NAME@ALIAS or NAME/NUMBER.", show_default=False)
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A table; of images also a file, folder or zip.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write the CSV here instead of to stdout.", dir_okay=False, show_default=False
        ),
    ] = None,
    option: ModelOptions = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="MODEL=FILE",
            help="A column of the model that the file calls otherwise: --column pclass=Klasse. Names that differ in "
            "capitals, blanks or marks are found by themselves. Repeat it for more.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict the rows of a file.

    Writes CSV with `prediction` and `probability_<class>`, one line for each row of the file, in its order. The file is
    read first as the training table was: with its marks, date order, missing-value words and so on. If it holds the
    true answers, too, the scores are reported.
    """
    from workbench import registry

    predictor = registry.load_model(model)
    read = predictor.read_rows(file, options=parse_options(option), names=_parse_columns(column))
    predictions, ignored, score = _predict(predictor, read.frame)
    for misfit in read.misfits:
        note(misfit)
    if score is not None:
        note(score.note)
        ignored = [name for name in ignored if name != score.column]
    if ignored:
        note(f"Ignored columns that the model doesn't take: {', '.join(ignored)}.")
    document: dict[str, Any] = {
        "model": model,
        "n_rows": predictions.height,
        "ignored_columns": ignored,
        "notes": read.misfits,
        "score": score.to_dict() if score is not None else None,
    }
    if as_json and output is None:
        show({**document, "predictions": predictions.to_dicts()}, True, str)
        return
    if output is None:
        predictions.write_csv(sys.stdout.buffer)
        return
    write_frame(predictions, output)
    if as_json:
        show({**document, "output": str(output)}, True, str)
    else:
        note(f"Wrote {predictions.height:,} predictions to {output}.")


def _parse_columns(given: list[str] | None) -> dict[str, str]:
    """Turn ``MODEL=FILE`` texts into names of the model's columns by those of the file."""
    names: dict[str, str] = {}
    for text in given or ():
        ours, equals, theirs = text.partition("=")
        if not (ours and equals and theirs):
            raise SpecError(f"{text!r} isn't MODEL=FILE. Write --column pclass=Klasse, for example.")
        names[theirs] = ours
    return names


def _predict(predictor: Predictor, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str], Score | None]:
    """Give the predictions, the columns that the model doesn't take, and how good they are where that can be told."""
    import polars as pl

    from workbench.api.scoring import score_rows

    if predictor.signature.image is not None:
        return _predict_images(predictor, rows), [], None
    checked = predictor.signature.check(rows)
    frame = checked.frame
    # In pieces: the probabilities of a million rows and many classes needn't be in memory twice.
    pieces = [predictor.predict_frame(frame.slice(start, CHUNK_ROWS)) for start in range(0, frame.height, CHUNK_ROWS)]
    predictions = pl.concat(pieces)
    return predictions, checked.ignored, score_rows(predictor, rows, predictions)


def _predict_images(predictor: Any, rows: Any) -> Any:
    """Predict images a few at a time, each beside the name of its file where it has one."""
    import polars as pl

    pieces = [predictor.predict_frame(rows.slice(start, CHUNK_IMAGES)) for start in range(0, rows.height, CHUNK_IMAGES)]
    answers = pl.concat(pieces)
    return pl.concat([rows.select("file"), answers], how="horizontal") if "file" in rows.columns else answers


def _engine(version: Version) -> str:
    if version.engine == "native":
        return "It predicts with the native model, since no graph agreed with it."
    difference = f"{version.max_difference:.1e}" if version.max_difference is not None else "unknown"
    return (
        f"One ONNX graph; largest difference to the native model {difference}, labels changed {version.labels_changed}."
    )


def _models_table(listed: list[Version]) -> str:
    if not listed:
        return "No models yet. Publish a run: workbench publish RUN NAME"
    return table(
        ["name", "version", "alias", "engine", "published", "test"],
        [(v.name, v.number, ", ".join(v.aliases), v.engine, moment(v.created), _metrics(v)) for v in listed],
    )


def _metrics(version: Version) -> str:
    if version.problem:
        return version.problem
    shown = [key for key in ("accuracy", "roc_auc", "r2", "rmse") if key in version.metrics.get("test", {})]
    return ", ".join(f"{key} {version.metrics['test'][key]:.4g}" for key in shown)


commands = (publish, models, promote, rollback, predict)
