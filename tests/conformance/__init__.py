"""Tests of the conformance level."""
