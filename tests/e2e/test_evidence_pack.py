"""`penchant-audit report`: the officer's pack is whole, leads everywhere, asks nobody, and answers what it can."""

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from privacy.events import NotPrivate
from privacy.label import Label, read_label
from server.audit.__main__ import main
from server.audit.documents import Document, Points, Table, fill, html, markdown
from server.audit.gathering import Evidence
from server.audit.report_command import pack as pack_of
from server.notices import shipped_notices
from tests.e2e.officer import log, write_run
from tests.log_made import LINE, whole_log


class Page(HTMLParser):
    """Collects links, ids, headings, captions, and whatever would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.language = ""
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if tag == "html":
            self.language = found.get("lang") or ""
        if tag == "a":
            self.links.append(found["href"] or "")
        if found.get("id"):
            self.ids.append(found["id"] or "")
        self.fetched += [value or "" for name, value in attrs if name in ("src", "srcset", "data", "poster")]
        if tag in ("link", "script", "iframe", "object", "embed"):
            self.fetched.append(tag)


@pytest.fixture
def pack(tmp_path: Path) -> tuple[Path, Label]:
    label = write_run(tmp_path / "run", log())
    out = tmp_path / "pack"
    assert main(["report", str(tmp_path / "run"), "-o", str(out), "--controller", "<b>Ann & Sons</b>"]) == 0
    return out, label


def test_every_link_leads_somewhere_and_nothing_is_fetched(pack: tuple[Path, Label]) -> None:
    folder, _ = pack
    pages = {path: Page(path.read_text()) for path in folder.rglob("*.html")}
    assert len(pages) == 6
    reached = {folder / "index.html"}
    for path, page in pages.items():
        assert page.fetched == []
        assert page.language == "en"
        assert page.tags.count("h1") == 1
        assert page.tags.count("table") == page.tags.count("caption")
        assert len(page.ids) == len(set(page.ids))
        assert not re.search(r"url\(|@import|https?://", path.read_text())
        for link in page.links:
            file, _, mark = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.exists(), f"{path.name} links {link}"
            reached.add(target)
            if mark:
                assert mark in pages[target].ids
    assert set(pages) <= reached, "every page can be reached from the first one"


def test_it_names_every_file_with_its_digest_and_holds_what_it_says(pack: tuple[Path, Label]) -> None:
    folder, label = pack
    listed = json.loads((folder / "files.json").read_text())
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "files.json"
    }
    assert listed == found
    assert read_label((folder / "labels" / f"{LINE}-1.json").read_bytes()) == label
    (budget,) = json.loads((folder / "budget.json").read_text())
    assert budget["line"] == LINE
    notices = shipped_notices()
    for name, digest in listed.items():
        if name.startswith("notices/"):
            assert notices.find(digest) is not None, "a notice's file is its canonical content"


def test_the_first_page_answers_and_says_what_is_left_to_say(pack: tuple[Path, Label]) -> None:
    folder, label = pack
    first = (folder / "index.html").read_text()
    assert "May go out" in first
    assert f"{label.figures['rounds']}" in (folder / "labels" / f"{LINE}-1.html").read_text()
    asked = [
        mark
        for name in ("processing", "dpia")
        for mark in re.findall(r"\[fill in: ([^\]]*)\]", (folder / f"{name}.md").read_text())
    ]
    assert len(asked) > 10
    assert all(mark in first for mark in asked)


def test_text_and_page_of_a_document_say_the_same_and_escape_what_comes_from_outside(
    pack: tuple[Path, Label],
) -> None:
    folder, _ = pack
    for name in ("consent", "processing", "dpia"):
        text, page = (folder / f"{name}.md").read_text(), (folder / f"{name}.html").read_text()
        marks = re.findall(r"\[fill in: [^\]]*\]", text)
        assert re.findall(r"\[fill in: [^\]]*\]", page) == marks
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert len(headings) == page.count("<h2 ")
    page = (folder / "processing.html").read_text()
    assert "<b>Ann" not in page
    assert "&lt;b&gt;Ann &amp; Sons&lt;/b&gt;" in page
    for notice in shipped_notices().listed():
        if notice.purpose == "federated_contribution":
            assert str(notice.content["text"]) in (folder / "consent.md").read_text()


def test_from_its_own_bundle_it_is_the_same_pack(pack: tuple[Path, Label], tmp_path: Path) -> None:
    folder, _ = pack
    again = tmp_path / "again"
    controller = ["--controller", "<b>Ann & Sons</b>"]
    assert main(["report", str(folder / "audit.bundle"), "-o", str(again), *controller]) == 0
    assert (again / "files.json").read_text() == (folder / "files.json").read_text()


def test_what_must_not_go_out_is_the_first_thing_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run", [*log(), NotPrivate(line=LINE, reason="no_noise")])
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "pack")]) == 1
    assert "must not go out: the line is stamped not private" in capsys.readouterr().out
    first = (tmp_path / "pack" / "index.html").read_text()
    assert f"Must not go out: {LINE}/1" in first
    assert "no: the line is stamped not private" in first


def test_a_release_that_was_withdrawn_must_not_go_out_whatever_its_label_said(tmp_path: Path) -> None:
    label = write_run(tmp_path / "run", log(), withdrawn="hazard")
    assert label.may_go_out
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "pack")]) == 1
    first = (tmp_path / "pack" / "index.html").read_text()
    assert f"Must not go out: {LINE}/1" in first
    assert "no: withdrawn (hazard)" in first


def test_a_notice_nobody_can_show_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The planted fault: a log that publishes a notice whose text is nowhere."""
    write_run(tmp_path / "run", whole_log())
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "pack")]) == 2
    assert "whose text is not here" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["nothing-here", "file"])
def test_what_is_no_source_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    (tmp_path / "file").write_bytes(b"not a database")
    assert main(["report", str(tmp_path / source), "-o", str(tmp_path / "pack")]) == 2
    said = capsys.readouterr().err
    assert str(tmp_path / source) in said
    assert len(said.splitlines()) == 1


def test_a_document_marks_what_people_fill_in_and_a_table_survives_markdown() -> None:
    made = Document(
        name="d",
        title="T <i>",
        lead=f"Lead {fill('who')}.",
        sections=(("H", ("p & q", Points((fill("why"),)), Table("C", ("a", "b"), (("x|y", "1\n2"),)))),),
    )
    assert made.open_questions == ("who", "why")
    assert "| x\\|y | 1 2 |" in markdown(made)
    page = html(made)
    assert '<mark class="fill">[fill in: why]</mark>' in page
    assert "p &amp; q" in page
    assert "T &lt;i&gt;" in page


def test_nothing_released_yet_is_a_pack_too(tmp_path: Path) -> None:
    empty = Evidence(
        origin="log.example", events=(), labels=(), balances=(), notices=(), published=(), controller=""
    )  # fmt: skip
    files = pack_of(empty)
    assert b"Nothing was released yet" in files["index.html"]
    assert b"The public log holds no notice" in files["consent.html"]
