"""Promises both sides share: terms, clipping, noise, accounting, keys, the ledger and its verification."""
