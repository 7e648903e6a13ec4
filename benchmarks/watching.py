"""What watching costs: a network with history, looks, sign of life, hardware sampler, stop flag and checkpoints.

Against the same training with nothing attached; Adult, for long enough that each of them gets its turn several times.
"""

from __future__ import annotations

import statistics
import time

from benchmarks.measuring import report
from benchmarks.network_sides import adult, our_fit

TITLE = "Seconds of a network's training: watched against with nothing attached"
EPOCHS, ROUNDS = 60, 5


def main() -> None:
    """Print wall and CPU seconds of both, in turn, and the median of the pairs' ratios."""
    sample = adult()
    our_fit(sample, seed=0, epochs=1)  # the process's first costs are neither's
    walls: dict[str, list[float]] = {"nothing attached": [], "watched": []}
    cpus: dict[str, list[float]] = {"nothing attached": [], "watched": []}
    for _ in range(ROUNDS):
        for side in walls:
            wall, cpu = time.perf_counter(), time.process_time()
            our_fit(sample, seed=0, epochs=EPOCHS, watched=side == "watched")
            walls[side].append(time.perf_counter() - wall)
            cpus[side].append(time.process_time() - cpu)
    for what, figures in (("wall time", walls), ("CPU time of the process", cpus)):
        print(what)
        report(figures, against="nothing attached")
        ratios = [ours / bare for ours, bare in zip(figures["watched"], figures["nothing attached"], strict=True)]
        print(f"median of the pairs' ratios {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
