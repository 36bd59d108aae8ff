"""The PostgreSQL that tests run against is the one that benchmarks run against."""

from simulations.postgres import HOW_TO_GET, binary, running

__all__ = ["HOW_TO_GET", "binary", "running"]
