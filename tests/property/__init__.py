"""Tests of the property level."""
