"""The catalogue file of a release: what a device shows, as one canonical JSON object.

Format ``penchant-catalogue-2``: UTF-8, keys sorted, no white space, nothing escaped that JSON lets stand:

    {"format":"penchant-catalogue-2","genres":[["Comedy"],...],"ids":["1",...],"sensitive":{"Health":[7,...]},
    "signals":{...},"titles":["Toy Story",...],"years":[1995,...]}

`sensitive` lists by position the items of each category that must never become a feature or a reason; `signals`
is the table of `models.signals`. One catalogue has exactly one file, so a digest of the file names the catalogue.
Row i is item position i of the model that carries this digest.
"""

import json
from itertools import chain

import numpy as np

from models.catalogue import Catalogue, CatalogueError
from models.signals import SignalsError, signals_from_json

FORMAT = "penchant-catalogue-2"
PARTS = {"format", "genres", "ids", "sensitive", "signals", "titles", "years"}


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """Write a catalogue as its one file.

    Raises:
        CatalogueError: a text is not Unicode (lone surrogates have no UTF-8).
    """
    value = {
        "format": FORMAT,
        "genres": catalogue.genres,
        "ids": catalogue.ids,
        "sensitive": dict(catalogue.sensitive),
        "signals": catalogue.signals.to_json(),
        "titles": catalogue.titles,
        "years": catalogue.years.tolist(),
    }
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CatalogueError(f"a catalogue text is not Unicode: {error.reason}") from None


def decode_catalogue(data: bytes) -> Catalogue:
    """Read a catalogue file; only the exact bytes `encode_catalogue` writes are accepted.

    Raises:
        CatalogueError: the bytes are anything else; a release with such a file must not be used.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise CatalogueError("the catalogue file is not JSON in UTF-8") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise CatalogueError(f"the catalogue file is not of format {FORMAT}: update this software")
    if value.keys() != PARTS:
        raise CatalogueError(f"the catalogue file must hold {', '.join(sorted(PARTS))} alone")
    genres, years, sensitive = value["genres"], value["years"], value["sensitive"]
    if not _holds(genres, list) or not _holds([*chain.from_iterable(genres)], str):
        raise CatalogueError("genres must be a list of lists of text")
    if not _holds(value["ids"], str) or not _holds(value["titles"], str):
        raise CatalogueError("ids and titles must be lists of text")
    if not _holds(years, int) or (years and not -(2**15) <= min(years) <= max(years) < 2**15):
        raise CatalogueError("years must be whole numbers of 16 bits")
    if not isinstance(sensitive, dict) or not all(_holds(at, int) for at in sensitive.values()):
        raise CatalogueError("sensitive must hold one list of item positions per category")
    try:
        signals = signals_from_json(value["signals"])
    except SignalsError as error:
        raise CatalogueError(f"the catalogue file's {error}") from None
    catalogue = Catalogue(
        tuple(value["ids"]),
        tuple(value["titles"]),
        np.array(years, np.int16),
        tuple(map(tuple, genres)),
        {name: tuple(positions) for name, positions in sensitive.items()},
        signals,
    )
    if encode_catalogue(catalogue) != data:
        raise CatalogueError("the catalogue file is not in its canonical form")
    return catalogue


def _holds(value: object, kind: type) -> bool:
    """Tell whether a parsed value is a list of this very type."""
    return isinstance(value, list) and set(map(type, value)) <= {kind}
