"""The privacy label of a release: its figures, its rows and whether it may go out, as canonical JSON.

Every figure is a function of the ledger's first entries, as many as the label says; the audit recomputes them. The
schema is label.schema.json. The label's file is named by its SHA-256 in the signed manifest beside it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, get_args

from privacy.canonical import JSON, CanonicalError, decode, encode, number
from privacy.errors import PrivacyError
from privacy.events import Event
from privacy.label_figures import curve_of, figures_of, objections
from privacy.label_rows import Declarations, Row, Section, Status, rows, table
from privacy.standing import standing

T = TypeVar("T")

FORMAT = "penchant-label-1"
MOST_BYTES = 1 << 18


class LabelError(PrivacyError):
    """The bytes are no label of this version."""

    code: ClassVar[str] = "label_refused"


class ReleaseBlocked(PrivacyError):
    """The release must not go out: `because` says why; mend that and label it anew.

    Args:
        because: one plain sentence for each objection.
    """

    code: ClassVar[str] = "release_blocked"

    def __init__(self, because: Sequence[str]) -> None:
        super().__init__(f"the release must not go out: {'; '.join(because)}")
        self.because = tuple(because)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a release is accompanied by.

    Args:
        line: name of the release line.
        sequence: number of the release in its line.
        origin: the log its figures follow from.
        entries: how many of the log's first entries they follow from.
        issued: seconds since 1970 UTC.
        expires: from when on the release must not personalize.
        figures: name to decimal, integer or "none".
        curve: (delta, epsilon) of everything spent, delta falling; empty where nothing is private.
        rows: every row.
        because: why it must not go out; empty where it may.
    """

    line: str
    sequence: int
    origin: str
    entries: int
    issued: int
    expires: int
    figures: Mapping[str, str | int]
    curve: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    because: tuple[str, ...]

    @property
    def may_go_out(self) -> bool:
        """Whether nothing stands against the release."""
        return not self.because

    def encode(self) -> bytes:
        """Write label.json."""
        body: dict[str, JSON] = {
            "format": FORMAT,
            "line": self.line,
            "sequence": self.sequence,
            "origin": self.origin,
            "entries": self.entries,
            "issued": self.issued,
            "expires": self.expires,
            "figures": dict(self.figures),
            "curve": [list(point) for point in self.curve],
            "rows": [_row(row) for row in self.rows],
            "verdict": {"because": list(self.because), "may_go_out": self.may_go_out},
        }
        return encode(body)

    def require(self) -> None:
        """Return only if the release may go out.

        Raises:
            ReleaseBlocked: it must not.
        """
        if self.because:
            raise ReleaseBlocked(self.because)

    @property
    def digest(self) -> str:
        """SHA-256 of label.json, hex: the manifest's label_digest."""
        return hashlib.sha256(self.encode()).hexdigest()


def _row(row: Row) -> dict[str, JSON]:
    return {
        "row": row.row,
        "section": row.section,
        "title": row.title,
        "required": row.required,
        "status": row.status,
        "says": row.says,
        "figures": list(row.figures),
        "evidence": row.evidence,
    }


def make_label(
    events: Sequence[Event],
    line: str,
    *,
    origin: str,
    sequence: int,
    issued: int,
    expires: int,
    declared: Declarations,
) -> Label:
    """Make the label of a line's next release from everything its log holds.

    Args:
        events: the log as it stands, before the release itself.
        line: name of the release line.
        origin: the log's name.
        sequence: number of the release.
        issued: seconds since 1970 UTC.
        expires: the same, the release's last moment.
        declared: what no ledger can show.

    Raises:
        NoSuchLine: the log does not declare the line.
        AccountantsDisagree: no epsilon can be stated.
    """
    found = standing(events, line)
    figures = figures_of(found, events, issued=issued, expires=expires)
    every = rows(found, declared)
    return Label(
        line=line,
        sequence=sequence,
        origin=origin,
        entries=len(events),
        issued=issued,
        expires=expires,
        figures=figures,
        curve=curve_of(found),
        rows=every,
        because=tuple(objections(found, figures, every)),
    )


def declared_in(label: Label) -> Declarations:
    """Return what a label's owner said, from the rows that quote it."""
    said = {row.row: row.says for row in label.rows if row.status == "declared"}
    quoted = {
        template["declared"]: said[template["row"]]
        for template in table()
        if "declared" in template and template["row"] in said
    }
    return Declarations(**quoted)


def read_label(data: bytes) -> Label:
    """Read label.json for showing and comparing; the audit has a reader of its own.

    Raises:
        LabelError, CanonicalError: the bytes are no label of this version.
    """
    if len(data) > MOST_BYTES:
        raise LabelError(f"a label is not longer than {MOST_BYTES} bytes")
    body = decode(data)
    try:
        label = _read(body)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, AttributeError, CanonicalError) as problem:
        raise LabelError(f"not a label of {FORMAT}: {problem}") from None
    if label.encode() != data:
        raise LabelError(f"not a label of {FORMAT}: a field more, or another verdict than its reasons give")
    return label


def _read(body: Mapping[str, Any]) -> Label:
    return Label(
        line=_is(str, body["line"]),
        sequence=_is(int, body["sequence"]),
        origin=_is(str, body["origin"]),
        entries=_is(int, body["entries"]),
        issued=_is(int, body["issued"]),
        expires=_is(int, body["expires"]),
        figures={name: _figure(value) for name, value in body["figures"].items()},
        curve=tuple((_decimal(delta), _decimal(epsilon)) for delta, epsilon in body["curve"]),
        rows=tuple(_read_row(row) for row in body["rows"]),
        because=tuple(_is(str, reason) for reason in body["verdict"]["because"]),
    )


def _read_row(row: Mapping[str, Any]) -> Row:
    if row["section"] not in get_args(Section) or row["status"] not in get_args(Status):
        raise ValueError("a row of an unknown section or status")
    return Row(
        row=_is(str, row["row"]),
        section=row["section"],
        title=_is(str, row["title"]),
        required=_is(bool, row["required"]),
        status=row["status"],
        says=_is(str, row["says"]),
        figures=tuple(_is(str, name) for name in row["figures"]),
        evidence=_is(str, row["evidence"]),
    )


def _is(kind: type[T], value: Any) -> T:
    if type(value) is not kind:
        raise TypeError(f"a {kind.__name__} is missing")
    return value


def _figure(value: Any) -> str | int:
    return value if type(value) is int or value == "none" else _decimal(value)


def _decimal(value: Any) -> str:
    number(_is(str, value))
    return str(value)
