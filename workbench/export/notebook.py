"""A run as a notebook or a script that makes the pages' calls in the pages' order, and back again."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.naming import source_name
from workbench.errors import SpecError
from workbench.export.code import (
    Shown,
    data_lines,
    evaluate_lines,
    explain_lines,
    import_lines,
    prepare_lines,
    publish_lines,
    search_lines,
    spec_lines,
)
from workbench.export.image_code import Section, for_images, is_for_images
from workbench.training.spec import RunSpec

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from workbench.training.run import Run

SPEC_TAG = "workbench-spec"


def as_notebook(source: Run | RunSpec, *, home: tuple[Path, Path] | None = None) -> NotebookNode:
    """Write a run, or a spec that hasn't run yet, as a notebook (nbformat 4) that trains it again.

    The cells hold no logic: the pages' calls in the pages' order. `spec_from_notebook` reads the RunSpec back.

    Parameters
    ----------
    source : Run or RunSpec
    home : pair of Path, optional
        Home and models that it works in, where a notebook wouldn't find them by itself: see `settings.home_to_name`.
    """
    import nbformat

    spec = _spec_of(source)
    cells = []
    for name, title, words, lines, tag in _sections(spec, home):
        heading = f"# {title}" if name == "spec" else f"## {title}"
        cells.append(nbformat.v4.new_markdown_cell(f"{heading}\n\n{words}", id=f"{name}-text"))
        for number, statements in enumerate(lines):
            metadata = {"tags": [tag]} if tag and number == 0 else {}
            cells.append(nbformat.v4.new_code_cell("\n".join(statements), id=f"{name}-{number}", metadata=metadata))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.validate(notebook)
    return notebook


def as_script(source: Run | RunSpec, *, home: tuple[Path, Path] | None = None) -> str:
    """Write a run as a Python script that trains it again and prints how good it is; `home` as for `as_notebook`."""
    spec = _spec_of(source)
    lines = [
        f'"""Train {spec.estimator.name} on {_plain(source_name(spec.data.source))}; exported from the workbench."""',
        "",
        *import_lines(home),
        "",
        *spec_lines(spec),
        "",
        "run = wb.train(spec)",
        "print(run.id, run.status)",
        *(f"print({line})" for line in search_lines(spec)),
        "print(run.evaluate().frame())",
        *([] if is_for_images(spec) else ["print(run.explain().importance())"]),
        *publish_lines(spec),
    ]
    return "\n".join(lines) + "\n"


def spec_from_notebook(notebook: Any) -> RunSpec:
    """Read the RunSpec from a notebook, so that an exported one can be opened in the app again.

    The cell that builds the spec is read, not run: changes made to it in Jupyter count.

    Parameters
    ----------
    notebook : NotebookNode, dict, str or Path
        A notebook, its JSON, or its file.

    Raises
    ------
    SpecError
        If it isn't a notebook, or has no ``RunSpec.from_yaml("...")`` or ``RunSpec.parse({...})`` with plain values.
    """
    cells = _read(notebook).get("cells")
    if not isinstance(cells, list):
        raise SpecError("Got a file without cells, needed a notebook (.ipynb). Choose one that was exported here.")
    for cell in sorted(cells, key=_is_tagged, reverse=True):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            for document in _documents(_source(cell)):
                return RunSpec.from_yaml(document) if isinstance(document, str) else RunSpec.parse(document)
    raise SpecError(
        'Got a notebook without a RunSpec, needed a cell with wb.RunSpec.from_yaml("""...""") in plain text. '
        "Export the run again, or restore that cell."
    )


def _sections(spec: RunSpec, home: tuple[Path, Path] | None) -> list[Section]:
    shown = Shown(spec=spec)
    opening, head, profile = data_lines(shown)
    preview, changes, *looks = prepare_lines(spec)
    report, *pictures = evaluate_lines(spec)
    explanation, *views = explain_lines("run.explain(")
    sections: list[Section] = [
        (
            "spec",
            spec.name,
            f"Exported from the workbench: `{spec.estimator.name}` on `{_plain(source_name(spec.data.source))}`. The "
            "RunSpec below describes the whole run; change it here, or open this notebook in the app.",
            [[*import_lines(home), "", *spec_lines(spec), "", "wb.folders()  # where tables, runs and models lie"]],
            SPEC_TAG,
        ),
        ("data", "Data", "The table, and what stands in its columns.", [[opening, head], [profile]], ""),
        (
            "prepare",
            "Prepare",
            "What each step of the recipe changes, on a sample of the rows; what the checks find; then the split.",
            [[preview, changes], *([look] for look in looks)],
            "",
        ),
        (
            "train",
            "Train",
            "Training runs in its own process and shows up in the app, too.",
            [["run = wb.train(spec)", "run"], *([line] for line in search_lines(spec))],
            "",
        ),
        (
            "evaluate",
            "Evaluate",
            "How good the model is on rows that it hasn't seen.",
            [[report, pictures[0]], *([line] for line in pictures[1:])],
            "",
        ),
        (
            "explain",
            "Explain",
            "Which columns the answers depend on.",
            [[explanation, views[0]], *([line] for line in views[1:])],
            "",
        ),
        (
            "predict",
            "Predict",
            "Ask the model about rows.",
            [["model = run.model()", f"model.predict_frame({_FEW_ROWS})"]],
            "",
        ),
        (
            "models",
            "Models",
            "Remove the `#` to publish the run as the next version of a model.",
            [publish_lines(spec)],
            "",
        ),
    ]
    return for_images(sections) if is_for_images(spec) else sections


_FEW_ROWS = "table.head(5)"


def _spec_of(source: Run | RunSpec) -> RunSpec:
    return source if isinstance(source, RunSpec) else source.located_spec  # it may be opened in any folder


def _plain(source: str) -> str:
    return source.replace("`", "'").replace('"', "'").replace("\\", "/")


def _read(notebook: Any) -> dict[str, Any]:
    if isinstance(notebook, dict):  # a NotebookNode is one
        return notebook
    try:
        is_json = isinstance(notebook, (str, bytes)) and notebook.lstrip()[:1] in ("{", b"{")
        document = json.loads(notebook if is_json else Path(str(notebook)).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(
            f"Got a file that isn't a notebook ({error}), needed an .ipynb file. Choose another."
        ) from error
    return document if isinstance(document, dict) else {}


def _is_tagged(cell: Any) -> bool:
    metadata = cell.get("metadata") if isinstance(cell, dict) else None
    return isinstance(metadata, dict) and SPEC_TAG in (metadata.get("tags") or [])


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _documents(code: str) -> Iterator[Any]:
    """Find the literal that a call of RunSpec.from_yaml or RunSpec.parse is given; nothing is executed."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a cell with a magic command
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in ("from_yaml", "parse") and ast.unparse(node.func.value).endswith("RunSpec"):
                try:
                    yield ast.literal_eval(node.args[0])
                except ValueError:  # built from variables, which can't be known without running the notebook
                    continue
