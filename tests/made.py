"""Made-up parameters, catalogues and tables of events of any size."""

import csv
from pathlib import Path

import numpy as np

from models.catalogue import Catalogue
from models.history import Float
from models.parameters import GlobalParameters


def parameters(items: int, *, taste: int = 8, content: int = 48, seed: int = 0) -> GlobalParameters:
    """Draw a model of some size; content rows have unit norm."""
    rng = np.random.default_rng(seed)

    def table(columns: int) -> Float:
        return rng.normal(size=(items, columns)).astype(np.float32)

    rows = table(content)
    if content:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return GlobalParameters(
        taste_in=table(taste),
        taste_out=table(taste),
        content=rows,
        bias=table(1)[:, 0],
        alpha=float(rng.uniform(0, 0.5)),
        tau=float(rng.uniform(1, 20)),
        fade_in=float(rng.uniform(0.1, 3)),
        taste_weight=1.0,
        content_weight=0.8,
    )


def catalogue(items: int) -> Catalogue:
    """List items "i0", "i1", ... titled "Title 0", "Title 1", ..."""
    return Catalogue(
        ids=tuple(f"i{item}" for item in range(items)),
        titles=tuple(f"Title {item}" for item in range(items)),
        years=np.full(items, 1995, np.int16),
        genres=tuple(("Drama",) if item % 2 else () for item in range(items)),
    )


def write_events(path: Path, *, people: int, items: int, events: int, columns: str) -> None:
    """Write a population with four tastes, and one person who met one item twice.

    Columns are a selection of rating, time and title.
    """
    rng = np.random.default_rng(7)
    taste = rng.integers(0, 4, items)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id", *columns.split()])
        for person in range(people):
            chance = np.where(taste == person % 4, 6.0, 1.0)
            met = rng.choice(items, events, replace=False, p=chance / chance.sum())
            for when, item in enumerate(met.tolist()):
                cells = {
                    "rating": 4,
                    "time": when,
                    "title": f"Story of {'abcd'[taste[item]] * 3} number {item}",
                }
                writer.writerow([f"p{person}", item, *(cells[name] for name in columns.split())])
        for _ in range(2):
            writer.writerow(["lonely", item, *(cells[name] for name in columns.split())])
