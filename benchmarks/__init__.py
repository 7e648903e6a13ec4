"""Speed and memory: us and the peer in one run. ``python -m benchmarks``."""
