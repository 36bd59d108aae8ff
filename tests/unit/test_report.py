"""The report: whole, offline, accessible, honest about trust, and deaf to hostile titles."""

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from simulations.report import ReportData, render

HOSTILE = "<script>alert('x')</script> & \"quotes\""
FIGURES = {"full": {"hr@10": 0.15, "ndcg@10": 0.08}, "sampled99": {"hr@10": 0.65, "ndcg@10": 0.4}}
RESULT: dict[str, Any] = {
    "scenario": "movielens",
    "config_digest": "ab" * 32,
    "seed": 1,
    "dataset": {"name": "ml-100k", "people": 943, "items": 1682, "interactions": 100000, "catalogue": "public"},
    "privacy": {
        "private": True, "trust": "central", "unit": "enrolled_subject", "neighboring_relation": "add_or_remove_one",
        "epsilon_budget": 4.0, "epsilon": 3.99, "delta": 5.34e-4, "accountant": "prv",
        "epsilon_check": {"accountant": "pld", "epsilon": 3.98}, "attacker_success": 0.72,
    },
    "test": FIGURES,
    "baselines": dict.fromkeys(("popularity", "popularity_private", "content_only", "puresvd", "ease"), FIGURES),
    "consent": {"granted": 896, "never_granted": 47, "withdrawn": 27},
    "release": {
        "model": "release/model.onnx", "manifest": "release/manifest.json", "bytes": 150541,
        "label": "release/label.html", "may_go_out": True, "because": [],
        "ndcg_change": {"mean": 0.0001, "ci95": 0.0009},
    },
    "timing": {"load_s": 0.4, "train_s": 1.8, "export_s": 0.1, "evaluate_s": 2.0, "device_updates_per_s": 1500.0},
}  # fmt: skip
ROUND = {
    "round": 1, "mechanism": "item_context", "dimension": 1682, "clipping_norm": 1.0, "noise_multiplier": 2.28,
    "sampling_rate": 1.0, "in_sum": 890, "withdrew_before": 0, "withdrew_in_flight": 6, "recomputed": 1,
}  # fmt: skip
VOID = {"meta", "i", "br", "rect", "line", "polyline", "polygon", "circle"}


def data(**changes: Any) -> ReportData:
    values: dict[str, Any] = {
        "result": RESULT,
        "learning_curve": (("popularity", 0.06, 0.31), ("moments", 0.09, 0.37), ("item x context", 0.1, 0.42)),
        "privacy_curve": ((0.0, 0.44), (1.0, 0.2), (4.0, 5e-4), (8.0, 1e-9)),
        "rounds": (ROUND,),
        "groups": {"penchant": {"light": 0.1, "medium": 0.08, "heavy": 0.05}},
        "slates": (
            {"recent": [HOSTILE], "items": [{"title": HOSTILE, "score": 1.0, "reasons": [[HOSTILE, 1.0]]}]},
        ),
        "ledger": {"origin": "o", "size": 11, "root": "r", "checkpoint": "o\n11\nr\n", "verify": "verify x"},
        "commands": (("penchant-sim run x", "again"),),
    }  # fmt: skip
    return ReportData(**{**values, **changes})


def open_ended() -> ReportData:
    result = copy.deepcopy(RESULT)
    result["privacy"] |= {
        "private": False, "epsilon": None, "epsilon_budget": None, "attacker_success": 1.0,
        "epsilon_check": {"accountant": "pld", "epsilon": None},
    }  # fmt: skip
    result["release"] |= {
        "label": "draft/label.html", "may_go_out": False, "because": ["the line is stamped not private", HOSTILE],
    }  # fmt: skip
    return data(result=result, privacy_curve=())


class Balance(HTMLParser):
    """Check that every element that opens also closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


PAGES = pytest.mark.parametrize(
    "page", [render(data()), render(open_ended())], ids=["private", "not private"]
)


@PAGES
def test_the_page_is_whole(page: str) -> None:
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert page.startswith("<!doctype html>")


@PAGES
def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    assert not re.search(r"https?://|<script|<link|@import|url\(|\ssrc=", page.replace(HOSTILE, ""))


@PAGES
def test_titles_from_outside_are_text_and_nothing_else(page: str) -> None:
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") >= 3


@PAGES
def test_every_picture_can_be_heard_and_every_section_is_named(page: str) -> None:
    pictures = re.findall(r"<svg [^>]*>", page)
    assert pictures
    assert all('role="img"' in picture and "aria-label=" in picture for picture in pictures)
    assert len(re.findall("<section ", page)) == len(re.findall(r"<section aria-labelledby", page))
    assert page.count("<table>") == page.count("<caption>")


def test_trust_stands_in_every_section_that_shows_an_epsilon() -> None:
    page = render(data())
    parts = re.split(r"(?=<section )|(?=<header)", page)
    for part in parts:
        if re.search(r"ε (=|≤)? ?\d", re.sub("<[^>]+>", "", part)):
            assert "trust" in part, part[:200]


def test_a_run_without_privacy_is_stamped_loudly_and_shows_no_epsilon() -> None:
    page = render(open_ended())
    assert page.count("NOT PRIVATE") >= 4
    assert not re.search(r"ε (=|≤)? ?\d", re.sub("<[^>]+>", "", page))


def test_it_links_the_label_and_says_why_a_blocked_model_is_no_release() -> None:
    good, blocked = render(data()), render(open_ended())
    assert 'href="release/label.html"' in good
    assert "BLOCKED" not in good
    assert 'href="draft/label.html"' in blocked
    assert "BLOCKED" in blocked
    assert "<li>the line is stamped not private</li>" in blocked


def test_the_odds_are_those_of_the_result() -> None:
    assert "72 times in 100" in render(data())
