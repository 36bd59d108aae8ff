"""A data protection impact assessment (GDPR Article 35), pre-filled with what can be measured and proved."""

from collections.abc import Iterator

from privacy.label import Label
from privacy.label_words import bounded, in_hundred, promise, shown
from server.audit.consent_policy import GUARANTEES
from server.audit.documents import Block, Document, Points, Table, fill
from server.audit.gathering import Evidence
from server.audit.processing import SECURITY


def dpia(found: Evidence) -> Document:
    """Return the assessment; what needs a person's judgement is marked."""
    return Document(
        name="dpia",
        title="Data protection impact assessment",
        lead=(
            "After Article 35(7) of the General Data Protection Regulation, pre-filled from notices, labels and the "
            "public log. Numbers are recomputed by penchant-audit verify on the bundle beside this page; whether "
            "what remains is acceptable is a decision, and is marked as one."
        ),
        sections=(
            ("What is done and why (a)", tuple(_description(found))),
            ("Whether it is necessary and proportionate (b)", tuple(_proportion(found))),
            ("Risks to the people concerned (c)", (_risks(found),)),
            ("Measures against them (d)", (Points(SECURITY), _consent())),
            ("What nobody knows", tuple(_unknown(found))),
            (
                "Advice, views and decision",
                (
                    Points(
                        (
                            f"Article 35(2): {fill('advice of the data protection officer, with its date')}",
                            f"Article 35(9): {fill('views of the people concerned: whom you asked, what they said')}",
                            f"Article 36: {fill('whether the authority was to be consulted, and why')}",
                            f"Decision: {fill('the decision: accepted, accepted with conditions, or refused')}, "
                            f"{fill('who decided, and when')}",
                            f"Next review: {fill('next review, at the latest with a new line or notice')}",
                        )
                    ),
                ),
            ),
        ),
    )


def _description(found: Evidence) -> Iterator[Block]:
    yield (
        "People's devices rank what the app shows by what the person met; these events stay on the device. With a "
        "separate consent a device computes one bounded contribution a round from them. A service adds the "
        "contributions of many, adds noise to the sum, and makes the published model of the noisy sum alone."
    )
    yield f"Nature, scope and context in your app: {fill('what the app is, who uses it, since when, how many')}."
    yield f"The interest pursued: {fill('what people gain, what you gain')}."
    rows = tuple(
        (
            line.line,
            f"{line.declared_population:,} (a declared constant)",
            shown("cap_line", str(line.epsilon_budget)),
            f"{line.delta:.3g}",
            f"{line.releases} in {line.period_days} days",
            line.trust,
        )
        for line in found.lines
    )
    if rows:
        head = ("line", "population", "epsilon at most", "delta", "releases", "trust")
        yield Table("What was promised before anyone was asked", head, rows)


def _proportion(found: Evidence) -> Iterator[Block]:
    yield Points(
        (
            "The same goal with less data: ranking works without any consent, from public content alone; each "
            "purpose adds to it and can be refused alone.",
            "Data minimisation: no event leaves a device; a contribution has a fixed length, and is deleted once its "
            "round commits.",
            "Storage limitation: events stay 180 days on the device at most, consent lasts 365 days, models until "
            "they expire.",
            "Information: every notice stands in full in consent.html, in every language it was shown in.",
            "Rights: access, portability, erasure, objection and an explanation of every item are verbs of the "
            "device and routes of the service.",
        )
    )
    for label in found.labels:
        yield f"{label.line}, release {label.sequence}: {promise(label)}."
    yield f"Proportionate because: {fill('why this epsilon is worth it, with the accuracy you measured')}."


def _risks(found: Evidence) -> Table:
    odds = "; ".join(map(_odds, found.labels)) or "no model was released"
    trusted = {line.trust for line in found.lines}
    aggregator = (
        "the aggregator sees single contributions and is trusted with them"
        if "central" in trusted
        else "the aggregator sees sums alone"
    )
    judged = fill("for each risk what remains, low, medium or high, and why")
    return Table(
        "Risks, what bounds them, what remains",
        ("risk", "who could", "how likely at most", "what bounds it", "what remains"),
        (
            (
                "A model tells that somebody took part, or what they like",
                "anyone with the model, whatever else they know",
                odds,
                "noise on every sum, one budget over the whole line",
                judged,
            ),
            (
                "Single contributions are read",
                "whoever runs the aggregator, or breaks into it",
                f"certain for them: {aggregator}",
                "clipping, deletion at commit, access by role; secure sums where trust = secure_sum",
                judged,
            ),
            (
                "Events on a device are read",
                "whoever holds the unlocked device",
                "not bounded by epsilon",
                "encrypted store, forgetting that destroys keys, pause, sensitive categories left out",
                judged,
            ),
            (
                "Somebody is used against their will",
                "a fault or a late message",
                "excluded within the tested order of events",
                "consent compared again inside the commit; the device stops first",
                judged,
            ),
            (
                "Somebody is treated unfairly by the ranking",
                "the app",
                fill("whether some groups are ranked worse, measured on your people"),
                "reasons for every item, a mode without profiling, no personal prices",
                judged,
            ),
            (
                "Traffic shows that a device takes part",
                "an observer of the network",
                "not bounded by epsilon",
                fill("what hides traffic, if anything does"),
                judged,
            ),
        ),
    )


def _odds(label: Label) -> str:
    figures = label.figures
    if not bounded(label):
        return f"{label.line}/{label.sequence}: no bound"
    return (
        f"{label.line}/{label.sequence}: the best attack is right {in_hundred(figures['odds'])} times in 100 at most "
        f"(a coin: 50), {in_hundred(figures['odds_worst'])} in the worst single case"
    )


def _consent() -> Table:
    return Table("Consent that holds", ("guarantee", "in words", "held by"), GUARANTEES)


def _unknown(found: Evidence) -> Iterator[Block]:
    unknown = [
        f"{label.line}, release {label.sequence}: {row.title}. {row.says}"
        for label in found.labels
        for row in label.rows
        if row.status == "unknown"
    ]
    yield Points((*unknown, "No outside witness has signed the log: it is self-attested."))
