"""``python -m benchmarks [NAME ...]``: measure us and the peer in one run and print both and their ratio.

Absolute times depend on the machine; the ratios are what to compare. Medians of several rounds, the two sides in turn.
"""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "first_page", "first_metric", "keras_fit", "one_row", "kept_connection", "big_csv", "profile_wide", "recipe_rows",
    "recipe_steps", "search_forest", "viewers", "kill_resume", "watching", "worker_memory",
)  # fmt: skip

ON_REQUEST = ("cifar10", "references")  # a quarter of an hour on two cores each


def main() -> None:
    """Run the named benchmarks, or all but those that take long."""
    names = sys.argv[1:] or NAMES
    known = (*NAMES, *ON_REQUEST)
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"Got {', '.join(unknown)}, needed some of {', '.join(known)}.")
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n## {module.TITLE}\n", flush=True)
        try:
            module.main()
        except SystemExit as stopped:  # what it needs isn't here; the others go on
            if len(names) == 1 or not isinstance(stopped.code, str):
                raise
            print(f"Skipped: {stopped.code}", flush=True)


if __name__ == "__main__":
    main()
