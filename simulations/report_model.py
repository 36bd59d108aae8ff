"""What the report says of the model: the verdict, accuracy, learning, slates, the release, what to try next."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from simulations.plots import bars, curves
from simulations.report_html import METHODS, NOT_PRIVATE, Result, promised, section, table


def verdict(result: Result) -> str:
    """Say accuracy and guarantee in one breath."""
    privacy, test = result["privacy"], result["test"]
    private = privacy["private"]
    gain = test["full"]["ndcg@10"] / max(result["baselines"]["popularity_private"]["full"]["ndcg@10"], 1e-9)
    people = result["dataset"]["people"]
    sentence = (
        f"{gain:.1f} times the ranking quality of private popularity, at ε {privacy['epsilon']:.2f} with a trusted aggregator"
        if private
        else "Trained without privacy, to show what noise costs"
    )
    odds = round(100 * privacy["attacker_success"])
    tiles = [
        (
            _short_epsilon(privacy),
            f"spent of {privacy['epsilon_budget']:g}, trust = central" if private else "not private",
        ),
        (f"{odds} in 100", "an attacker's best guess whether one took part (50 is a coin)"),
        (f"{test['full']['ndcg@10']:.3f}", "NDCG@10 over the full catalogue"),
        (f"{test['sampled99']['hr@10']:.3f}", "HR@10 among 99 sampled"),
        (f"{result['release']['bytes'] / 1000:.0f} kB", "the whole model, int8, ranks offline"),
    ]
    drawn = "".join(
        f'<div class="tile"><b>{escape(big)}</b><span>{escape(small)}</span></div>' for big, small in tiles
    )
    return (
        f'<header><p class="eyebrow">Penchant · {escape(result["scenario"])} · {people} simulated devices</p>'
        f"<h1>{escape(sentence)}.</h1>{'' if private else NOT_PRIVATE}"
        f'<p class="lead">{result["dataset"]["interactions"]:,} interactions with {result["dataset"]["items"]:,} items stayed on '
        f"the devices of {people} people. What left were clipped contributions to noisy sums.{_stamp(result)}</p>"
        f'<div class="tiles">{drawn}</div></header>'
    )


def _stamp(result: Result) -> str:
    """Say that a catalogue read off the interactions is no public input."""
    if result["dataset"]["catalogue"] == "public":
        return ""
    return (
        " <b>The catalogue was derived from interactions</b>: which items it lists is outside epsilon, so this is a "
        "benchmark; a release needs a catalogue that is public."
    )


def _short_epsilon(privacy: Result) -> str:
    return f"ε {privacy['epsilon']:.2f}" if privacy["private"] else "no bound"


def accuracy(result: Result, groups: Mapping[str, Mapping[str, float]]) -> str:
    """Hold the model against every baseline, full catalogue first."""
    ours = f"Penchant, {promised(result['privacy'])}"
    order = [name for name in METHODS if name in result["baselines"]]
    figures = {ours: result["test"]} | {METHODS[name][0]: result["baselines"][name] for name in order}
    kinds = dict(METHODS.values())
    pictures = []
    for part, name in (("full", "Full catalogue"), ("sampled99", "Among 99 sampled negatives")):
        rows = [
            (
                "Penchant" if label == ours else label.split(",")[0],
                found[part]["ndcg@10"],
                kinds.get(label, "ours"),
            )
            for label, found in figures.items()
        ]
        pictures.append(
            f"<div><h3>{name}, NDCG@10</h3>{bars(rows, title=f'NDCG@10, {name.lower()}, by method')}</div>"
        )
    cells = [
        (label, *(f"{found[p][m]:.4f}" for p in ("full", "sampled99") for m in ("hr@10", "ndcg@10")))
        for label, found in figures.items()
    ]
    head = ["method", "full HR@10", "full NDCG@10", "sampled HR@10", "sampled NDCG@10"]
    by_group = [
        (
            "Penchant" if name == "penchant" else METHODS[name][0],
            *(f"{found[g]:.4f}" for g in ("light", "medium", "heavy")),
        )
        for name, found in groups.items()
    ]
    key = (
        '<p class="key"><span><i style="background:var(--accent)"></i>this release</span>'
        '<span><i style="background:var(--other)"></i>private or nobody\'s data</span>'
        '<span><i style="background:var(--open)"></i>not private: trained centrally on everyone\'s raw events</span></p>'
    )
    method = (
        "<p>Each person's last film is hidden and looked for among all films they had not seen (first), or among 99 "
        "drawn ones (second, for comparison with papers). Ties count against us; negatives come from a stream that no "
        "training draws from. Settings were chosen on validation; tuning and evaluation on this public benchmark are "
        "not accounted in ε (trust = central).</p>"
    )
    figured = table("Test items, the released int8 model", head, cells)
    grouped = table(
        "Full-catalogue NDCG@10 by how much a person has met",
        ["method", "light", "medium", "heavy"],
        by_group,
    )
    stamp = "" if result["privacy"]["private"] else NOT_PRIVATE
    body = f'{stamp}{method}{key}<div class="grid">{"".join(pictures)}</div>{figured}<h3 style="margin-top:1.4rem">Who gains</h3>{grouped}'
    return section("accuracy", "Accuracy against the baselines", body)


def learning(result: Result, curve: Sequence[tuple[str, float, float]]) -> str:
    """Show what each round taught."""
    points = [(float(place), sampled) for place, (_, _, sampled) in enumerate(curve)]
    full = [(float(place), value) for place, (_, value, _) in enumerate(curve)]
    drawn = curves(
        [("sampled-99", points), ("full catalogue", full)],
        title="validation NDCG@10 after each observed round",
        x_label="observed rounds",
        y_label="NDCG@10 on validation",
    )
    key = (
        '<p class="key"><span><i style="background:var(--accent)"></i>among 99 sampled</span>'
        '<span><i style="background:var(--other)"></i>full catalogue (dashed)</span></p>'
    )
    rows = [(label, f"{full_value:.4f}", f"{sampled:.4f}") for label, full_value, sampled in curve]
    learnt = table("NDCG@10 on validation", ["after", "full catalogue", "sampled-99"], rows)
    rate = result["timing"]["device_updates_per_s"]
    words = f"<p>{result['timing']['train_s']:.1f} s of training, {rate:,.0f} device updates a second on this machine.</p>"
    return section(
        "learning",
        "What each round taught",
        f'<div class="grid"><div>{key}{drawn}</div><div>{words}{learnt}</div></div>',
    )


def slates(samples: Sequence[Mapping[str, Any]]) -> str:
    """Show what a few people would see, with every reason's share."""
    largest = max((abs(part) for s in samples for i in s["items"] for _, part in i["reasons"]), default=1.0)
    drawn = []
    for sample in samples:
        items = []
        for item in sample["items"]:
            reasons = "".join(
                f'<span>{escape(text)}</span><span class="bar{"" if part >= 0 else " minus"}" '
                f'style="width:{100 * abs(part) / largest:.0f}%"></span><span class="part">{part:+.2f}</span>'
                for text, part in item["reasons"]
            )
            items.append(
                f'<li><strong>{escape(item["title"])}</strong> <span class="recent">{item["score"]:.2f}</span>'
                f'<div class="why">{reasons}</div></li>'
            )
        recent = escape(", ".join(sample["recent"]))
        drawn.append(
            f'<div class="slate"><p class="recent">After {recent}</p><ol>{"".join(items)}</ol></div>'
        )
    words = (
        "<p>Ranked by the released file as a device opens it: signature, digest and log proof verified, no torch, no "
        "network. A score is the sum of its reasons, each an exact share.</p>"
    )
    return section(
        "slates", "What a few people would see", f'{words}<div class="grid">{"".join(drawn)}</div>'
    )


def release(result: Result) -> str:
    """Describe the file that ships."""
    found = result["release"]
    change = found["ndcg_change"]
    return section(
        "release",
        "The release",
        f"<p><code>{escape(found['model'])}</code>, {found['bytes']:,} bytes: one int8 ONNX graph that holds the whole "
        f"ranking, beside a manifest signed with Ed25519 and its proof of inclusion in the log. Against the float model, "
        f"full-catalogue NDCG@10 changes by {change['mean']:+.5f} ± {change['ci95']:.5f} (int8 minus float, 95 % "
        f"interval over people).</p>{_label(found)}",
    )


def _label(found: Mapping[str, Any]) -> str:
    """Say whether it may go out, and where its label is."""
    where = f'<a href="{escape(found["label"], quote=True)}">its privacy label</a>'
    if found["may_go_out"]:
        return f"<p><b>It may go out:</b> nothing on {where} stands against it (trust = central).</p>"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in found["because"])
    return (
        f'<div class="stamp" role="note">BLOCKED: this model was not released and stands in no log.<ul>{reasons}</ul>'
        f"The folder holds a draft, which no device takes that pins the line's keys; {where} says more.</div>"
    )


def commands(found: Sequence[tuple[str, str]]) -> str:
    """Name what to try next."""
    listed = "".join(f"<p>{escape(shows)}</p><pre>{escape(command)}</pre>" for command, shows in found)
    return section("next", "Next", listed)
