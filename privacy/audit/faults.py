"""What an audit can find: the rules by their stable names, and the two ways in which a bundle fails."""

from typing import ClassVar

from privacy.errors import PrivacyError

RULES = {
    "bundle.seal": "the last line holds the SHA-256 of every byte before it",
    "bundle.form": "every line is what the format puts there, in canonical form, no more and no fewer",
    "trust.form": "the trust file names one log and two different keys",
    "trust.pinned": "the bundle trusts whom you trust, or keys that followed theirs or led to them",
    "log.signature": "every head is signed by the key that was in use at its size",
    "log.order": "heads are kept in the order of their sizes",
    "log.length": "the newest head is over exactly the entries that are here",
    "log.root": "the entries lead to the root of the newest head",
    "log.fork": "every earlier head is a beginning of the same log",
    "log.since": "the log continues the one you were shown before",
    "log.entry": "every entry is an event of a known kind, complete and in canonical form",
    "line.declared": "a line is declared once, before anything else is recorded of it",
    "line.stamp": "a round without noise belongs to a line already stamped not private",
    "line.cap": "no spend takes a line past a cap",
    "round.order": "a line's rounds are numbered upwards",
    "round.terms": "a round is paid, committed or aborted after its own terms, and only once",
    "round.unchanged": "a round pays for exactly what its terms said",
    "round.intent": "what a round spends is recorded before it is committed",
    "round.trust": "a round asks for no more trust than its line declared",
    "round.denominator": "a sum is divided by its sampling rate times the declared population",
    "cap.falls": "a cap never rises, and never above the declared budget",
    "period.order": "periods are numbered one by one and none is shorter than declared",
    "spend.number": "metrics and tuning runs are numbered one by one",
    "approval.two": "what changes a promise was proposed by one person and approved by another",
    "notice.edition": "a notice's editions rise",
    "hazard.raised": "a mitigation is of a hazard that was raised",
    "key.rotation": "a key is replaced in its own log, by a fresh one, by a leaf that it and its successor signed",
    "consent.number": "anchors of the consent log are numbered one by one; heads that are lost are the newest",
    "release.order": "a line's releases are numbered upwards; only a published one is withdrawn",
    "release.missing": "every release that the log publishes is here, in the log's order",
    "release.form": "a manifest is complete and in canonical form",
    "release.signature": "a manifest is signed by the key in use when it was published",
    "release.logged": "the log publishes exactly this manifest",
    "release.proof": "the proof beside a manifest shows its entry in this log, and the rotations it carries along",
    "release.guarantee": "a manifest states no less than what was spent, at its line's own terms",
    "release.uncovered": "nothing is released after private data were used outside epsilon",
    "release.blocked": "no release of a private line goes out against its label",
    "label.digest": "the label is the one whose digest was signed",
    "label.form": "a label is complete, of a known version and in canonical form",
    "label.release": "the label is of this release and this log, up to just before its publication",
    "label.figure": "every figure of a label follows from the log",
    "label.curve": "every point of a label's curve follows from the log",
    "label.row": "every row is there and is known as well as it says",
    "label.words": "every row says what a label of this version says there, filled in from the log",
    "label.verdict": "the label's verdict is the one its rows and figures give",
    "accountants.agree": "two independent accountants bound epsilon alike, and not below the closed form",
    "officer.form": "the consent log's leaves are commitments and erasures of earlier commitments",
    "officer.key": "the consent log's key is one of those that followed each other, and you pinned one of them",
    "officer.head": "each head of the consent log is signed by the key in use at its anchor, and leads to its leaves",
    "officer.anchor": "each anchor in the public log commits to the head of that number, or the log says it is lost",
}
"""Rule to what holds where it is kept; names never change their meaning."""


class Broken(PrivacyError):
    """A rule does not hold: nothing the bundle says may be relied on.

    Args:
        rule: its name in `RULES`.
        where: the place in the bundle, for people.
        says: what is wrong there, in one sentence.
    """

    code: ClassVar[str] = "audit_broken"

    def __init__(self, rule: str, where: str, says: str) -> None:
        super().__init__(f"{rule}: {where}: {says}; it should be that {RULES[rule]}")
        self.rule, self.where, self.says = rule, where, says


class Unreadable(PrivacyError):
    """The file is no bundle of this version, or cannot be read: nothing was judged."""

    code: ClassVar[str] = "audit_unreadable"
