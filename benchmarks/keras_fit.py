"""A dense network here, watched as a run is, against plain `model.fit`: the same arrays, layers, batches and epochs.

Adult (26,048 rows, about 100 features, three hidden layers) and MNIST (60,000 rows, 784-128-10), over five seeds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from benchmarks.measuring import report
from benchmarks.network_sides import adult, mnist, our_fit, plain_fit

TITLE = "Seconds to train a dense network for 10 epochs: here against plain model.fit"
SEEDS = range(5)


def main() -> None:
    """Print seconds and seconds of CPU of both, and the validation loss that each reached."""
    for name, sample in (("Adult", adult()), ("MNIST", mnist())):
        sides: dict[str, Callable[[int], float]] = {
            "plain fit": lambda seed, sample=sample: plain_fit(sample, seed=seed),  # type: ignore[misc]
            "workbench": lambda seed, sample=sample: our_fit(sample, seed=seed),  # type: ignore[misc]
        }
        walls: dict[str, list[float]] = {side: [] for side in sides}
        cpus: dict[str, list[float]] = {side: [] for side in sides}
        losses: dict[str, list[float]] = {side: [] for side in sides}
        for seed in SEEDS:
            for side, fit in sides.items():
                wall, cpu = time.perf_counter(), time.process_time()
                losses[side].append(fit(seed))
                walls[side].append(time.perf_counter() - wall)
                cpus[side].append(time.process_time() - cpu)
        print(f"{name}: {sample.X.shape[0]:,} rows of {sample.X.shape[1]} features; wall time")
        report(walls, against="plain fit")
        ratios = [ours / plain for ours, plain in zip(walls["workbench"], walls["plain fit"], strict=True)]
        print(f"ratio of each pair: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
        print("CPU time of the process")
        report(cpus, against="plain fit")
        for side, values in losses.items():
            spread = statistics.stdev(values)
            print(f"{side}: validation loss {statistics.mean(values):.4f}, {spread:.4f} apart from seed to seed")


if __name__ == "__main__":
    main()
