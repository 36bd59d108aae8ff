"""What the report says of privacy: the promise, the odds, who took part, the ledger, the limits."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from simulations.plots import curves, dots
from simulations.report_html import NOT_PRIVATE, TRUST, Result, behind, section, table


def promise(result: Result) -> str:
    """Show what was promised and what was spent."""
    privacy = result["privacy"]
    check = privacy["epsilon_check"]
    if privacy["private"]:
        rows = [
            ("Promised", f"ε ≤ {privacy['epsilon_budget']:g} at δ = {privacy['delta']:.4g}, trust = central"),
            (
                "Spent",
                f"ε = {privacy['epsilon']:.4f}, upper bound of the {privacy['accountant'].upper()} accountant",
            ),
            (
                "Cross-check",
                f"ε = {check['epsilon']:.4f} by {check['accountant'].upper()}, another implementation",
            ),
        ]
    else:
        rows = [("Promised", "nothing"), ("Spent", "without bound")]
    rows += [
        ("Unit", "one enrolled subject's whole history, over the whole life of the release line"),
        ("Neighbours", "two populations that differ by adding or removing one subject"),
        ("Noise", "Gaussian, from the operating system's random bits, on the integers of the sum"),
        ("Denominator", "a declared constant, never the number of replies"),
    ]
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows)
    stamp = "" if privacy["private"] else NOT_PRIVATE
    return section("promise", "What was promised, what was spent", f"{stamp}<dl>{listed}</dl>{TRUST}")


def odds(result: Result, curve: Sequence[tuple[float, float]]) -> str:
    """Put epsilon into plain language, and show the whole curve."""
    privacy = result["privacy"]
    best = round(100 * privacy["attacker_success"])
    words = (
        f"<p>Imagine an attacker who knows everything about everyone except whether <em>one</em> subject took part. "
        f"Guessing by coin is right 50 times in 100. With this release in hand, the best possible attack is right at "
        f"most <strong>{best} times in 100</strong>.</p>"
    )
    picture = dots(
        privacy["attacker_success"], title=f"Of 100 guesses the best attacker gets {best} right, a coin 50."
    )
    key = (
        '<p class="key"><span><i class="other-fill" style="background:var(--other)"></i>a coin gets right</span>'
        '<span><i style="background:var(--accent)"></i>gained from the release, at most</span>'
        '<span><i style="background:var(--line)"></i>still wrong</span></p>'
    )
    numbers = table(
        "Guesses out of 100", ["", "right", "wrong"], [("coin", 50, 50), ("best attack", best, 100 - best)]
    )
    left = f"<div><h3>The odds</h3>{words}{picture}{key}{behind(numbers)}</div>"
    if not curve:
        return section("odds", "The odds in plain language", NOT_PRIVATE + f'<div class="grid">{left}</div>')
    drawn = curves(
        [("delta", curve)],
        title="delta falls as epsilon grows, over everything this line has spent",
        x_label="ε, trust = central",
        y_label="δ(ε)",
        area=True,
    )
    rows = [(f"{epsilon:g}", f"{delta:.2e}") for epsilon, delta in curve if float(epsilon).is_integer()]
    right = (
        "<div><h3>The whole curve</h3><p>One pair (ε, δ) is one point of it: whoever prefers a smaller δ reads a "
        f"larger ε. (trust = central)</p>{drawn}{behind(table('delta at each epsilon, trust = central', ['ε', 'δ'], rows))}</div>"
    )
    return section("odds", "The odds in plain language", f'<div class="grid">{left}{right}</div>')


def consent(result: Result, rounds: Sequence[Mapping[str, Any]]) -> str:
    """Show who took part and who left."""
    found = result["consent"]
    words = (
        f"<p><strong>{found['granted']}</strong> people granted <code>federated_contribution</code>, "
        f"<strong>{found['never_granted']}</strong> never did and are in no sum, <strong>{found['withdrawn']}</strong> "
        "withdrew while training went on and are absent from every later sum. Who withdraws with an update in flight "
        "has the shard's sum recomputed without them before anything is spent; noise and denominator do not change.</p>"
        "<p>These exact counts are the simulation's view. In service they are the officer's alone: the public ledger "
        "holds declared constants and no count of people.</p>"
    )
    head = [
        "round",
        "numbers",
        "C",
        "noise / C",
        "rate",
        "left before",
        "left in flight",
        "sums redone",
        "in the sum",
    ]
    rows = [
        (
            f"{row['round']}. {row['mechanism'].replace('_', ' ')}",
            f"{row['dimension']:,}",
            f"{row['clipping_norm']:g}",
            f"{row['noise_multiplier']:.3f}",
            f"{row['sampling_rate']:g}",
            row["withdrew_before"],
            row["withdrew_in_flight"],
            row["recomputed"],
            row["in_sum"],
        )
        for row in rounds
    ]
    every = table("Every round of this release, trust = central", head, rows)
    if len(rounds) > 8:
        every = f"<details><summary>All {len(rounds)} rounds</summary>{every}</details>"
    return section("consent", "Who took part and who left", words + every)


def ledger(found: Mapping[str, Any]) -> str:
    """Show the log's signed head and how to recompute epsilon."""
    return section(
        "ledger",
        "The ledger",
        f"<p>{int(found['size'])} entries: the line's declaration, its accountants, the known flaws of libraries in use and "
        "what mitigates them, the notices, what epsilon does not cover, each round's terms, its privacy event (recorded "
        "before noise was drawn), its commit and a commitment to the consent log, and the release. Epsilon is a function of these events; recompute it with "
        f"<code>{escape(found['verify'])}</code> (trust = central, self-attested: no outside witness has signed).</p>"
        f"<pre>{escape(found['checkpoint'])}</pre>",
    )


def limits() -> str:
    """Say what epsilon does not cover."""
    points = (
        "The aggregator: it is trusted (trust = central) until secure sums are there.",
        "Evaluation, the learning curve and tuning, done here on a public benchmark: not accounted.",
        "People with two enrolments: the unit is an enrolled subject, a person only if the app gives one id to one person.",
        "The screen: what a device shows is open to whoever holds the device.",
        "Traffic: an observer of the network sees that a device takes part, and when.",
        "The past: contributions to committed rounds stay in published models, bounded by ε (trust = central).",
        "Floating point on devices other than this one: integer sums are exact, ranking was measured on this processor.",
    )
    return section(
        "limits",
        "What epsilon does not cover",
        "<ul>" + "".join(f"<li>{point}</li>" for point in points) + "</ul>",
    )
