"""Benchmarks: scenario to JSONL rows, both sides of a comparison in one run, ratios first."""
