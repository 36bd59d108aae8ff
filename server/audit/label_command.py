"""`penchant-audit label`: may this release go out, and what would I tell a person who asks?"""

import argparse
import shutil
from pathlib import Path

from privacy.label_page import page
from privacy.label_text import text
from server.audit.errors import SourceRefused
from server.audit.label_files import find_label

WIDEST = 110


def add(parser: argparse.ArgumentParser) -> None:
    """Say which arguments it takes."""
    parser.add_argument("release", type=Path, metavar="RELEASE", help="a release's folder, or its label.json")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the label as a page instead")


def run(options: argparse.Namespace) -> int:
    """Show the label; exit 0 where the release may go out, 1 where it must not."""
    found = find_label(options.release)
    if options.html is None:
        width = min(WIDEST, shutil.get_terminal_size((100, 24)).columns)
        print(f"{text(found.label, width=width)}{found.path}: {found.attested}")
    else:
        _write(options.html, page(found.label))
        print(f"{options.html}: open it in a browser, it needs no network")
    return 0 if found.label.may_go_out else 1


def _write(path: Path, page: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as problem:
        raise SourceRefused(f"--html {path}: {problem.strerror}; name a file that can be written") from None
