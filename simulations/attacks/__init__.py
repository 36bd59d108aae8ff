"""Attempts to break what Penchant promises; each reports how hard it tried."""
