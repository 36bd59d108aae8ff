"""Tests of the unit level."""
