"""Everything an evidence pack is made of, read once: events, labels, notices, and where every budget stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from privacy.acts import NoticePublished, ReleaseWithdrawn
from privacy.balance import Balance, balances
from privacy.events import Event, LineDeclared
from privacy.label import Label, read_label
from server.audit.bundle_file import BundleFile, is_bundle
from server.audit.errors import SourceRefused
from server.audit.label_files import FOLDERS, find_label
from server.notices import Notice, Notices, shipped_notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What there is to show.

    Args:
        origin: the log's name.
        events: every event, oldest first.
        labels: of what was released, oldest first; then of a draft that must not go out.
        balances: where every line's budget stands.
        notices: what people are shown now.
        published: the notices in the log, with who published them.
        controller: who answers for the processing, empty where nobody said.
    """

    origin: str
    events: tuple[Event, ...]
    labels: tuple[Label, ...]
    balances: tuple[Balance, ...]
    notices: tuple[Notice, ...]
    published: tuple[NoticePublished, ...]
    controller: str

    def against(self, label: Label) -> tuple[str, ...]:
        """Return what stands against a release: what its label says, and that it was withdrawn since."""
        return label.because + tuple(
            f"withdrawn ({event.reason})"
            for event in self.events
            if isinstance(event, ReleaseWithdrawn)
            and (event.line, event.sequence) == (label.line, label.sequence)
        )

    @property
    def lines(self) -> tuple[LineDeclared, ...]:
        """What was promised beforehand."""
        return tuple(event for event in self.events if isinstance(event, LineDeclared))


def gather(bundle: BundleFile, *, source: str, notices: Notices, controller: str) -> Evidence:
    """Read what a pack needs.

    Args:
        bundle: of the source.
        source: a run's folder may hold a draft besides.
        notices: every notice known.
        controller: who answers for the processing.

    Raises:
        SourceRefused: a label is not one this version reads.
    """
    events = bundle.events
    labels = [read_label(label) for label in bundle.labels]
    draft = Path(source) / FOLDERS[1]
    if (draft / "label.json").is_file():
        labels.append(find_label(draft).label)
    return Evidence(
        origin=bundle.origin,
        events=events,
        labels=tuple(labels),
        balances=tuple(balances(events)),
        notices=tuple(_shown(notices, events)),
        published=tuple(event for event in events if isinstance(event, NoticePublished)),
        controller=controller,
    )


def _shown(notices: Notices, events: Sequence[Event]) -> Iterable[Notice]:
    """Return the notices that hold: those the log publishes where it publishes any, in every language."""
    logged = {event.notice for event in events if isinstance(event, NoticePublished)}
    missing = sorted(digest for digest in logged if notices.find(digest) is None)
    if missing:
        raise SourceRefused(
            f"the log publishes notice {missing[0]}, whose text is not here: name the database"
        )
    return [notice for notice in notices.listed() if not logged or notice.digest in logged]


def known_notices(source: str) -> Notices:
    """Return the notices that the source's people are shown: those of its database, else those shipped."""
    path = Path(source)
    if path.is_dir() or ("://" not in source and is_bundle(path)):
        return shipped_notices()
    from server.audit.stored import open_database
    from server.database import reading
    from server.policy import notices_in

    engine = open_database(source)
    try:
        with reading(engine) as connection:
            return notices_in(connection)
    finally:
        engine.dispose()
