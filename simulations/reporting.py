"""From a run's findings to what its report shows."""

from collections.abc import Sequence
from typing import Any

from simulations.comparison import Comparison
from simulations.fleet import SimulatedFleet
from simulations.line import ReleaseLine
from simulations.report import ReportData
from simulations.samples import Sample


def report_data(
    result: dict[str, Any],
    *,
    curve: Sequence[tuple[str, float, float]],
    comparison: Comparison,
    fleet: SimulatedFleet,
    line: ReleaseLine,
    samples: Sequence[Sample],
    commands: Sequence[tuple[str, str]],
) -> ReportData:
    """Gather what the page shows, in its own terms.

    Args:
        result: result.json.
        curve: validation accuracy after each observed round: label, full and sampled-99 NDCG@10.
        comparison: the test figures.
        fleet: who took part and who left.
        line: ledger and spending.
        samples: what a few devices show.
        commands: what to try next.
    """
    return ReportData(
        result=result,
        learning_curve=tuple(curve),
        privacy_curve=line.privacy_curve(),
        rounds=_rounds(fleet, line),
        groups=comparison.groups(),
        slates=tuple(slate(sample) for sample in samples),
        ledger={
            "origin": line.origin,
            "size": line.ledger.size,
            "root": line.ledger.checkpoint().decode().splitlines()[2],
            "checkpoint": line.ledger.checkpoint().decode(),
            "verify": commands[-1][0],
        },
        commands=tuple(commands),
    )


def _rounds(fleet: SimulatedFleet, line: ReleaseLine) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "round": report.terms.round,
            "mechanism": report.terms.mechanism,
            "dimension": report.terms.dimension,
            "clipping_norm": report.terms.clipping_norm,
            "noise_multiplier": report.terms.noise_multiplier,
            "sampling_rate": report.terms.sampling_rate,
            "in_sum": report.in_sum,
            "withdrew_before": len(fleet.departures.before.get(report.terms.round, ())),
            "withdrew_in_flight": len(fleet.departures.in_flight.get(report.terms.round, ())),
            "recomputed": report.recomputed,
        }
        for report in line.reports
    )


def slate(sample: Sample) -> dict[str, Any]:
    """Return what one person sees as plain JSON: recent titles, and items with title, score and reasons."""
    return {
        "recent": list(sample.recent),
        "items": [
            {
                "title": item.title or item.item,
                "score": item.score,
                "reasons": [[reason.text, reason.amount] for reason in item.reasons],
            }
            for item in sample.slate.items
        ],
    }
