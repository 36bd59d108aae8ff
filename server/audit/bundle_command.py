"""`penchant-audit bundle`: everything an audit needs, in one file."""

import argparse
from pathlib import Path

from privacy.bundle import write_bundle
from privacy.manifest import TrustAnchors
from server.audit.errors import SourceRefused
from server.audit.run_folder import read_run


def add(parser: argparse.ArgumentParser) -> None:
    """Say which arguments it takes."""
    parser.add_argument(
        "source", metavar="RUN_OR_DATABASE", help="a run's folder, a SQLite file or a database's URL"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="where the bundle goes")
    parser.add_argument(
        "--officer",
        action="store_true",
        help="take the private consent log along: personal data, never to publish",
    )
    parser.add_argument(
        "--pins",
        type=Path,
        metavar="FILE",
        help="a database with --officer: penchant-log.key.pins of its service",
    )
    parser.add_argument("--trust", type=Path, metavar="FILE", help="a database: the trust file devices pin")
    parser.add_argument(
        "--log-key", type=Path, metavar="FILE", help="a database: sign a head of its log as it stands"
    )


def run(options: argparse.Namespace) -> int:
    """Write the bundle and say what to do with it."""
    folder = Path(options.source)
    if folder.is_dir():
        _say(options.out, write_bundle(options.out, read_run(folder, officer=options.officer)), 0)
    else:
        _from_database(options)
    return 0


def _from_database(options: argparse.Namespace) -> None:
    from privacy.log_pins import Pins
    from server.audit.stored import open_database, read_stored
    from server.database import reading
    from server.key_file import read_key

    if options.officer and options.pins is None:
        raise SourceRefused("--officer needs --pins FILE, which names the consent log's key")
    try:
        trust = None if options.trust is None else TrustAnchors.decode(options.trust.read_bytes())
        pins = Pins.decode(options.pins.read_bytes()) if options.officer else None
    except OSError as problem:
        raise SourceRefused(f"{problem.filename}: {problem.strerror}") from None
    key = None if options.log_key is None else read_key(options.log_key)
    engine = open_database(options.source)
    try:
        with reading(engine) as connection:
            stored = read_stored(connection, trust=trust, key=key, pins=pins)
            _say(options.out, write_bundle(options.out, stored.bundle), stored.left_out)
    finally:
        engine.dispose()


def _say(out: Path, seal: str, left_out: int) -> None:
    print(f"{out}: {out.stat().st_size:,} bytes, sealed {seal}")
    if left_out:
        print(f"{left_out} newer entries have no signed head yet and are left out; --log-key signs one")
    print(f"check it anywhere: penchant-audit verify {out}")
