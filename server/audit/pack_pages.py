"""The pack's own pages: where to begin, and where every budget stands."""

from collections.abc import Mapping, Sequence
from html import escape

from privacy.label import Label
from privacy.label_words import bounded, in_hundred, shown
from privacy.pages import document, section, table
from server.audit.budget_command import HEAD, cells
from server.audit.documents import HOME, Document
from server.audit.gathering import Evidence

CHECK = (
    "<p>The bundle beside this page holds the log, its signed heads, and every release's manifest, label and proof. "
    "This checks every root, signature, proof, approval, epsilon and label figure, offline:</p>"
    "<pre>penchant-audit verify audit.bundle</pre>"
)


def label_name(label: Label) -> str:
    """Return what a label's files are called, without ending; a line's name may hold what a file's may not."""
    line = "".join(c if c.isalnum() or c in "._-" else "-" for c in label.line)
    return f"{line}-{label.sequence}"


def index(found: Evidence, documents: Sequence[Document]) -> str:
    """Return the first page.

    Args:
        found: what the pack shows.
        documents: those beside it.
    """
    blocked = [label for label in found.labels if found.against(label)]
    header = (
        f'<p class="eyebrow">Evidence pack</p><h1>{escape(found.origin)}</h1>{_verdict(found.labels, blocked)}'
        f'<p class="lead">{_lead(found)}</p>'
    )
    body = (
        section("releases", "May it go out?", _releases(found))
        + section("budget", "What was spent, and what is left", _budgets(found))
        + section("documents", "The documents", _documents(documents))
        + section("open", "What only you can say", _open(documents))
        + section("check", "Check it without us", CHECK)
    )
    footer = (
        "<p>Every file is named with its SHA-256 in <a href='files.json'>files.json</a>. No page needs a network. "
        "Self-attested: no outside witness has signed the log.</p>"
    )
    return document(f"Evidence pack: {found.origin}", header, body, footer)


def budget(found: Evidence) -> str:
    """Return the page of budgets."""
    header = (
        f'<p class="eyebrow"><a href="{HOME}">Evidence pack</a></p><h1>Budgets</h1><p class="lead">Epsilon for one '
        "enrolled subject (add or remove one), recomputed from the log, beside the most that may be spent.</p>"
    )
    words = (
        "<p>A round that would take a line past any of its caps does not run. Epsilon does not add up: what is left "
        "is not a difference of columns but the forecast, which asks how many more rounds like the last one fit.</p>"
    )
    body = section("budgets", "Every line", words + _budgets(found))
    return document("Budgets", header, body, f"<p>Of the log <code>{escape(found.origin)}</code>.</p>")


def _lead(found: Evidence) -> str:
    releases = len(found.labels)
    return (
        f"{len(found.events):,} entries of the public log, {len(found.lines)} "
        f"{'line' if len(found.lines) == 1 else 'lines'}, {releases} "
        f"{'labelled model' if releases == 1 else 'labelled models'}, {len(found.notices)} notices."
    )


def _verdict(labels: Sequence[Label], blocked: Sequence[Label]) -> str:
    if not labels:
        return '<p class="verdict"><span>Nothing was released yet.</span></p>'
    if blocked:
        names = ", ".join(escape(f"{label.line}/{label.sequence}") for label in blocked)
        return f'<p class="verdict no"><span aria-hidden="true">✕</span><span>Must not go out: {names}.</span></p>'
    return (
        '<p class="verdict yes"><span aria-hidden="true">✓</span><span>May go out: nothing on the label of any '
        "release stands against it.</span></p>"
    )


def _releases(found: Evidence) -> str:
    if not found.labels:
        return "<p>No release is in this log.</p>"
    rows = "".join(_release(label, found.against(label)) for label in found.labels)
    head = "".join(
        f'<th scope="col">{cell}</th>'
        for cell in (
            "release and its label",
            "may go out",
            "spent of cap",
            "best attack (coin: 50)",
            "expires",
            "for a person who asks",
        )
    )
    return (
        "<p>Each label answers in full.</p>"
        '<div class="scroll"><table class="words"><caption>Releases</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _release(label: Label, against: Sequence[str]) -> str:
    figures, holds = label.figures, bounded(label)
    spent = f"ε {shown('epsilon', figures['epsilon'])}"
    verdict = f"no: {'; '.join(against)}" if against else "yes"
    cells = (
        verdict,
        f"{spent} of {shown('cap_line', figures['cap_line'])}" if holds else "no bound",
        f"{in_hundred(figures['odds'])} in 100" if holds else "no bound",
        shown("expires", label.expires),
    )
    page = f"labels/{label_name(label)}.html"
    link = f'<a href="{page}">{escape(label.line)}, release {label.sequence}</a>'
    told = f'<a href="{page}#person">in plain words</a>'
    rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{link}</th>{rest}<td>{told}</td></tr>'


def _budgets(found: Evidence) -> str:
    if not found.balances:
        return "<p>No line is declared.</p>"
    return table("Spent, cap and forecast by line", HEAD, [cells(each) for each in found.balances])


def _documents(documents: Sequence[Document]) -> str:
    listed = "".join(
        f'<li><a href="{escape(each.name)}.html">{escape(each.title)}</a> (<a href="{escape(each.name)}.md">text to '
        f"edit</a>)</li>"
        for each in documents
    )
    return f'<ul>{listed}<li><a href="budget.html">Budgets</a> (<a href="budget.json">as JSON</a>)</li></ul>'


def _open(documents: Sequence[Document]) -> str:
    asked: Mapping[str, tuple[str, ...]] = {
        each.title: tuple(dict.fromkeys(each.open_questions)) for each in documents if each.open_questions
    }
    if not asked:
        return "<p>Nothing is left to fill in.</p>"
    parts = "".join(
        f"<h3>{escape(title)}</h3><ul>{''.join(f'<li>{escape(question)}</li>' for question in questions)}</ul>"
        for title, questions in asked.items()
    )
    return f"<p>Marked in the documents; nothing here answers for you.</p>{parts}"
