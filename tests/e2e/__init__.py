"""Tests of the e2e level."""
