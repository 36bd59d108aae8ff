"""The label and the evidence pack in a real browser: readable by ear and keyboard, in contrast, asking nobody."""

import json
import re
import shutil
import subprocess
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from privacy.events import NotPrivate
from privacy.label_page import page
from server.audit.__main__ import main
from tests.e2e.officer import label_of, log, write_run
from tests.log_made import LINE

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
LOOK = """
<script>
function shown(e) { const r = e.getBoundingClientRect(); return r.width > 1 && r.height > 1; }
function channel(v) { v /= 255; return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); }
function luminance(c) { return 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]); }
function parts(text) { return (text.match(/[0-9.]+/g) || []).map(Number); }
function behind(e) {
  for (; e; e = e.parentElement) {
    const c = parts(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
}
function contrast(e, colour) {
  const a = luminance(parts(colour)), b = luminance(behind(e));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
addEventListener("load", () => {
  const worst = {}, texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let t = texts.nextNode(); t; t = texts.nextNode()) {
    const e = t.parentElement;
    if (!t.data.trim() || e.closest("script") || !shown(e)) continue;
    const style = getComputedStyle(e), fill = e.closest("svg") ? style.fill : style.color;
    const ratio = contrast(e, fill), key = t.data.trim().slice(0, 40);
    if (ratio < 4.5) worst[key] = ratio;
  }
  const found = {
    language: document.documentElement.lang, title: document.title,
    headings: [...document.querySelectorAll("h1,h2,h3")].map(h => +h.tagName[1]),
    landmarks: ["header", "main", "footer"].filter(n => document.querySelectorAll(n).length === 1),
    tables: document.querySelectorAll("table").length,
    captions: document.querySelectorAll("table > caption").length,
    unscoped: [...document.querySelectorAll("th")].filter(h => !h.scope).length,
    pictures: [...document.querySelectorAll("svg")].filter(s => !s.getAttribute("aria-label")).length,
    unnamed: [...document.querySelectorAll("section")].filter(
      s => !document.getElementById(s.getAttribute("aria-labelledby"))).length,
    skip: document.querySelector("a").hash,
    wide: document.documentElement.scrollWidth > innerWidth + 1,
    asked: performance.getEntriesByType("resource").map(r => r.name),
    text: document.body.innerText.length, low: worst,
  };
  const out = document.createElement("pre");
  out.id = "found"; out.textContent = JSON.stringify(found);
  document.body.appendChild(out);
});
</script>
"""
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")


class Heard(BaseHTTPRequestHandler):
    """Serves one page and writes down whatever else is asked of it."""

    served: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        body = self.served.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *given: Any) -> None:
        """Say nothing."""


def look(markup: str, *, width: int = 1100, dark: bool = False) -> dict[str, Any]:
    """Open a page, let it be measured, and return what was found; nothing in it may be fetched."""
    assert "default-src 'none'" in markup
    watched = markup.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    if dark:
        watched = watched.replace("(prefers-color-scheme: dark)", "all")
    Heard.served, Heard.asked = {"/page.html": watched.replace("</head>", f"{LOOK}</head>").encode()}, []
    server = HTTPServer(("127.0.0.1", 0), Heard)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            address = f"http://127.0.0.1:{server.server_port}/page.html"
            command = [
                str(BROWSER), *QUIET, f"--user-data-dir={profile}", f"--window-size={width},2000",
                "--virtual-time-budget=5000", "--dump-dom", address,
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    finally:
        server.shutdown()
        server.server_close()
    found: dict[str, Any] = json.loads(
        re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)[1]  # type: ignore[index]
        .replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    )  # fmt: skip
    assert [path for path in Heard.asked if path not in ("/page.html", "/favicon.ico")] == []
    return found


def faults(found: dict[str, Any]) -> list[str]:
    """Return what stands in the way of somebody who reads otherwise, or of a page that asks nobody."""
    headings = found["headings"]
    steps = [later for sooner, later in pairwise(headings) if later > sooner + 1]
    checks = {
        "language": found["language"] == "en",
        "title": bool(found["title"]),
        "one h1, first": headings.count(1) == 1 and headings[0] == 1,
        "headings by steps": not steps,
        "landmarks": found["landmarks"] == ["header", "main", "footer"],
        "captions": found["captions"] == found["tables"],
        "scopes": found["unscoped"] == 0,
        "pictures": found["pictures"] == 0,
        "sections": found["unnamed"] == 0,
        "skip link": found["skip"] == "#main",
        "no sideways scrolling": not found["wide"],
        "nothing fetched": not [name for name in found["asked"] if "favicon" not in name],
        "contrast": not found["low"],
        "text": found["text"] > 200,
    }
    return [name for name, holds in checks.items() if not holds]


GOOD = page(label_of(log()))
BLOCKED = page(label_of([*log(), NotPrivate(line=LINE, reason="no_noise")], approver=""))


@pytest.mark.parametrize("width", [1100, 500], ids=["wide", "narrow"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("markup", [GOOD, BLOCKED], ids=["may go out", "must not"])
def test_a_label_is_read_by_anyone_and_asks_nobody(markup: str, dark: bool, width: int) -> None:
    found = look(markup, width=width, dark=dark)
    assert faults(found) == [], found


def test_every_page_of_an_evidence_pack_is_too(tmp_path: Path) -> None:
    write_run(tmp_path / "run", log())
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "pack")]) == 0
    pages = sorted((tmp_path / "pack").glob("*.html"))
    assert len(pages) == 5
    for path in pages:
        found = look(path.read_text())
        assert faults(found) == [], (path.name, found)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('lang="en"', "", "language"),
        (' scope="row"', "", "scopes"),
        ("<h1", "<h2 data-was=h1", "one h1, first"),
        ("caption", "div", "captions"),
        ("--soft:#515b6d", "--soft:#c9ced6", "contrast"),
        ("</main>", '<img src="/pixel.gif"></main>', "nothing fetched"),
    ],
)
def test_a_page_with_a_fault_is_found_out(old: str, new: str, fault: str) -> None:
    broken = GOOD.replace(old, new)
    if fault == "nothing fetched":
        broken = broken.replace("default-src 'none'", "default-src 'none'; img-src *")
        with pytest.raises(AssertionError, match="pixel"):
            look(broken)
        return
    assert fault in faults(look(broken))
