"""Tests by level: unit, property, conformance, e2e."""
