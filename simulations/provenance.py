"""Where a result comes from: the digest of the code that made it, and its commit."""

import ast
import hashlib
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOMS = ("client", "models", "privacy", "server", "simulations")


def code_digest() -> str:
    """Return the SHA-256 over every Python source of the five packages, by sorted path, hex."""
    root = _root()
    return _digest(path for room in ROOMS for path in (root / room).rglob("*.py"))


@cache
def digest_behind(*modules: str) -> str:
    """Return the SHA-256 over these modules and everything of ours that they import, however far, hex.

    What they do not reach may change without the digest changing: a result they made stays good. A process asks
    the disk once, as it loads its code once.

    Args:
        modules: dotted names, e.g. "simulations.split".
    """
    waiting = [path for module in modules for path in _files(module)]
    reached: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += [file for name in _imported(path) for file in _files(name)]
    return _digest(reached)


def commit() -> str:
    """Return the commit of the sources, with "+" where they differ from it; "unknown" outside a repository."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(_root()), *words], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if not done.returncode else ""

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        return f"{head}{'+' if git('status', '--porcelain', '--', *ROOMS) else ''}" if head else "unknown"
    except OSError:
        return "unknown"


def _root() -> Path:
    return Path(__file__).parents[1]


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(_root()).as_posix()}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()


def _imported(path: Path) -> set[str]:
    """Return every name a source imports anywhere in it, and what may be a module inside such a name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _files(module: str) -> list[Path]:
    """Return the sources a module of ours stands in; none for anything else."""
    if module.partition(".")[0] not in ROOMS:
        return []
    place = _root().joinpath(*module.split("."))
    return [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
