"""Simulated populations, honest evaluation, scenarios, benchmarks and the report."""
