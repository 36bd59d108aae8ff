"""A label as a page for people: the verdict, the odds, the whole curve, every row with how well it is known."""

from html import escape

from privacy.label import Label
from privacy.label_picture import curve, dots
from privacy.label_rows import Row, Section, Status
from privacy.label_words import NAMES, bounded, for_a_person, in_hundred, promise, shown
from privacy.pages import document, section, table

SECTIONS: dict[Section, tuple[str, str]] = {
    "guarantee": ("The guarantee", "What is promised to one subject, and what was spent of it."),
    "risks": (
        "What could undermine it",
        "Everything the guarantee rests on, and everything it does not cover.",
    ),
    "base": ("What it stands on", "Who must be trusted, what is collected, for how long, with what consent."),
    "meta": ("About this label", "What ran, how to recompute it, who lets it out and for how long."),
}
MEANING: dict[Status, tuple[str, str]] = {
    "proved": ("✓", "recomputed from the ledger by the audit"),
    "enforced": ("◆", "held by code that a test watches"),
    "declared": ("“", "somebody's word"),
    "unknown": ("?", "nobody knows; blocks a release where required"),
}


def page(label: Label) -> str:
    """Return the label as a whole HTML document; every text from outside is escaped."""
    body = [_tiles(label), _person(label), _pictures(label), _key()]
    body += [
        section(name, title, f"<p>{escape(words)}</p>{_rows(label, name)}")
        for name, (title, words) in SECTIONS.items()
    ]
    header = (
        f'<p class="eyebrow">Privacy label · after NIST SP 800-226</p><h1>{escape(label.line)}, release '
        f'{label.sequence}</h1>{_verdict(label)}<p class="lead">{escape(promise(label))}.</p>'
    )
    footer = (
        f"<p>Self-attested: no outside witness has signed. Figures follow from the first {label.entries} entries of "
        f"the log <code>{escape(label.origin)}</code>. SHA-256 of label.json, as the signed manifest names it: "
        f"<code>{label.digest}</code></p>"
    )
    return document(f"Privacy label: {label.line}, release {label.sequence}", header, "".join(body), footer)


def _verdict(label: Label) -> str:
    if label.may_go_out:
        return '<p class="verdict yes"><span aria-hidden="true">✓</span><span>May go out: nothing on this label stands against it.</span></p>'  # noqa: E501
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in label.because)
    return (
        '<div class="verdict no" role="note"><span aria-hidden="true">✕</span><div>Must not go out:'
        f"<ul>{reasons}</ul></div></div>"
    )


def _tiles(label: Label) -> str:
    figures = label.figures
    if not bounded(label):
        return (
            '<dl class="tiles"><div><dt>NOT PRIVATE: nothing bounds what this model tells about anyone</dt>'
            "<dd>no bound</dd></div></dl>"
        )
    tiles = [
        (
            f"spent at δ {shown('delta', figures['delta'])}: computed from the ledger",
            f"ε {shown('epsilon', figures['epsilon'])}",
        ),
        ("cap: published beforehand", f"ε {shown('cap_line', figures['cap_line'])}"),
        ("at least: measured by attack", _measured(figures["epsilon_lower"])),
        ("best attack's right guesses; a coin has 50", f"{in_hundred(figures['odds'])} in 100"),
    ]
    drawn = "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(value)}</dd></div>" for what, value in tiles)
    return f'<dl class="tiles">{drawn}</dl>'


def _measured(lower: str | int) -> str:
    return "none yet" if lower == "none" else f"ε {shown('epsilon_lower', lower)}"


def _person(label: Label) -> str:
    told = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in for_a_person(label))
    return section("person", "What to tell a person who asks", f"<blockquote>{told}</blockquote>")


def _pictures(label: Label) -> str:
    if not bounded(label):
        return ""
    figures, odds = label.figures, in_hundred(label.figures["odds"])
    left = (
        f"<div><h3>The odds</h3>{dots(float(figures['odds']))}<p class='key'>Each dot is one guess of a hundred "
        f"whether one subject took part: 50 right by coin, {max(0, odds - 50)} more by the best attack, "
        f"{100 - odds} still wrong.</p></div>"
    )
    points = [(float(delta), float(epsilon)) for delta, epsilon in label.curve]
    stated = float(figures["delta"]), float(figures["epsilon"])
    numbers = table("epsilon at each delta", ["δ", "ε at most"], label.curve)
    right = (
        f"<div><h3>The whole curve</h3>{curve(points, stated)}<p class='key'>Whoever prefers a smaller δ reads a "
        f"larger ε. It is one curve for everything this line has spent.</p><details><summary>The numbers "
        f"behind this picture</summary>{numbers}</details></div>"
    )
    return section("pictures", "The odds, and the whole curve", f'<div class="grid">{left}{right}</div>')


def _key() -> str:
    each = "".join(
        f'<span><b class="chip {status}">{_chip(status)}</b> {escape(words)}</span> '
        for status, (_, words) in MEANING.items()
    )
    return f'<p class="key">How well each row is known: {each}</p>'


def _chip(status: Status) -> str:
    return f'<span aria-hidden="true">{MEANING[status][0]} </span>{status}'


def _rows(label: Label, name: Section) -> str:
    lines = "".join(_row(label, row) for row in label.rows if row.section == name)
    head = "".join(f'<th scope="col">{title}</th>' for title in ("Row", "Known", "What it says", "Figures"))
    caption = (
        f'<caption class="heard">{escape(SECTIONS[name][0])}: every row, and how well it is known</caption>'
    )
    return f'<table class="rows">{caption}<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'


def _row(label: Label, row: Row) -> str:
    figures = "".join(
        f"<div><dt>{escape(NAMES.get(name, name))}</dt><dd>{escape(shown(name, label.figures[name]))}</dd></div>"
        for name in row.figures
        if name in label.figures
    )
    optional = "" if row.required else ' <span class="evidence">not required</span>'
    return (
        f'<tr><th scope="row">{escape(row.title)}{optional}</th><td class="how"><b class="chip {row.status}">'
        f'{_chip(row.status)}</b></td><td>{escape(row.says)}<span class="evidence">{escape(row.evidence)}</span></td>'
        f'<td class="numbers">{f"<dl>{figures}</dl>" if figures else ""}</td></tr>'
    )
