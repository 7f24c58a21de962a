"""Measurements beside the peers, see docs/performance.md: ``python -m benchmarks --help``."""
