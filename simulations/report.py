"""The report of a run: one HTML file that needs no network and no script, for people who would rather look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from simulations.report_model import accuracy, commands, learning, release, slates, verdict
from simulations.report_privacy import consent, ledger, limits, odds, promise


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Everything the page shows.

    Args:
        result: result.json.
        learning_curve: (label, full NDCG@10, sampled-99 NDCG@10) on validation after observed rounds.
        privacy_curve: (epsilon, delta) of everything spent; empty where nothing is private.
        rounds: one row per round, with the simulation's own counts.
        groups: full-catalogue NDCG@10 of light, medium and heavy people by method.
        slates: what a few people see.
        ledger: origin, size, root, checkpoint and the command that verifies.
        commands: (command, what it shows).
    """

    result: Mapping[str, Any]
    learning_curve: Sequence[tuple[str, float, float]]
    privacy_curve: Sequence[tuple[float, float]]
    rounds: Sequence[Mapping[str, Any]]
    groups: Mapping[str, Mapping[str, float]]
    slates: Sequence[Mapping[str, Any]]
    ledger: Mapping[str, Any]
    commands: Sequence[tuple[str, str]]


def render(data: ReportData) -> str:
    """Return the page; every text from outside is escaped."""
    style = (files("simulations") / "templates" / "report.css").read_text(encoding="utf-8")
    result = data.result
    sections = [
        promise(result),
        odds(result, data.privacy_curve),
        accuracy(result, data.groups),
        learning(result, data.learning_curve),
        consent(result, data.rounds),
        slates(data.slates),
        release(result),
        ledger(data.ledger),
        limits(),
        commands(data.commands),
    ]
    title = escape(f"{result['scenario']} on {result['dataset']['name']}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Penchant: {title}</title><style>{style}</style></head><body>"
        f"{verdict(result)}<main>{''.join(sections)}</main>"
        f"<footer><p>Configuration {escape(result['config_digest'][:16])}…, seed {int(result['seed'])}. "
        "Every figure is in result.json beside this page.</p></footer></body></html>"
    )
