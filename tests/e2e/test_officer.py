"""`penchant-audit label`, `diff` and `budget`: what an officer asks of a run, a bundle or a database."""

import hashlib
import json
from pathlib import Path

import pytest

from privacy.acts import CapChanged
from privacy.budget import Budget, BudgetExceeded
from privacy.events import Event, NotPrivate, PrivacyEvent, ReleasePublished, decode_event
from privacy.keys import SigningKey
from privacy.label import Label
from privacy.ledger import Ledger
from privacy.rotation import rotated
from server.audit.__main__ import main
from server.database import migrate, open_engine, serially
from server.ledger_store import StoredLedger
from tests.e2e.officer import LOG_KEY, RELEASE_KEY, log, manifest_of, write_run
from tests.log_made import LINE, ORIGIN, declared, one_round, opening


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Label]:
    return tmp_path / "run", write_run(tmp_path / "run", log())


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it prints, errors after the rest."""
    code = main(arguments)
    out = capsys.readouterr()
    return code, out.out + out.err


def test_a_label_says_first_whether_the_release_may_go_out(
    made: tuple[Path, Label], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, label = made
    for source in (folder, folder / "release", folder / "release" / "label.json"):
        code, text = shown(capsys, "label", str(source))
        assert code == 0
        assert text.splitlines()[2].strip().startswith("MAY GO OUT")
        assert "named by the signed manifest beside it" in text
    assert all(row.title in text for row in label.rows)
    assert label.digest in text
    assert "What left your device" in text
    assert max(map(len, text.splitlines()[:-1])) <= 110


def test_a_blocked_one_says_every_reason_and_the_exit_code_says_no(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [*log(), NotPrivate(line=LINE, reason="seeded_randomness")]
    label = write_run(tmp_path, events, approver="")
    code, text = shown(capsys, "label", str(tmp_path))
    assert code == 1
    assert "MUST NOT GO OUT" in text
    assert len(label.because) == 2
    assert all(f"- {reason}" in text for reason in label.because)


def test_another_label_beside_a_signed_manifest_is_refused(
    made: tuple[Path, Label], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, label = made
    place = folder / "release" / "label.json"
    place.write_bytes(label.encode().replace(b"One account for one person", b"Two accounts for 1 person"))
    code, text = shown(capsys, "label", str(folder))
    assert code == 2
    assert "not the label that manifest.json was signed with" in text
    (folder / "release" / "manifest.json").unlink()
    code, text = shown(capsys, "label", str(folder))
    assert code == 0
    assert "unsigned" in text


def test_a_label_whose_release_key_was_replaced_is_still_signed_by_those_who_follow_the_log(
    made: tuple[Path, Label], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, label = made
    ledger, fresh = Ledger(ORIGIN, LOG_KEY), SigningKey.generate()
    ledger.append(
        rotated(RELEASE_KEY, fresh, origin=ORIGIN, purpose="release", proposed_by="a", approved_by="b")
    )
    manifest = manifest_of(label, fresh)
    digest = hashlib.sha256(manifest).hexdigest()
    at = ledger.append(ReleasePublished(line=LINE, sequence=1, manifest=digest))
    (folder / "release" / "manifest.json").write_bytes(manifest)
    assert shown(capsys, "label", str(folder))[0] == 2, "its proof is another release's"
    (folder / "release" / "manifest.proof").write_bytes(ledger.proof(at))
    code, text = shown(capsys, "label", str(folder))
    assert code == 0
    assert "named by the signed manifest beside it" in text


@pytest.mark.parametrize(("content", "why"), [(None, "no label.json"), (b"{}", "not a label")])
def test_what_is_no_label_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "label.json").write_bytes(content)
    code, text = shown(capsys, "label", str(tmp_path))
    assert code == 2
    assert why in text
    assert len(text.splitlines()) == 1


def test_a_label_becomes_a_page(made: tuple[Path, Label], capsys: pytest.CaptureFixture[str]) -> None:
    folder, label = made
    page = folder / "shown" / "label.html"
    assert shown(capsys, "label", str(folder), "--html", str(page))[0] == 0
    assert label.digest in page.read_text()
    code, text = shown(capsys, "label", str(folder), "--html", str(folder))
    assert code == 2
    assert "name a file that can be written" in text


def test_two_labels_differ_in_what_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a", log())
    write_run(tmp_path / "b", log(4), approver="bob, who stands in for ann while she is away")
    code, text = shown(capsys, "diff", str(tmp_path / "a"), str(tmp_path / "b"))
    assert code == 0
    assert "rounds paid for" in text
    assert "row approver" in text
    assert "row trust" not in text
    assert shown(capsys, "diff", str(tmp_path / "a"), str(tmp_path / "a"))[1] == "Both labels say the same.\n"


def budgets(capsys: pytest.CaptureFixture[str], source: str) -> list[dict[str, object]]:
    code, text = shown(capsys, "budget", source, "--json")
    assert code == 0
    found: list[dict[str, object]] = json.loads(text)
    return found


def test_a_budget_reads_alike_from_a_run_its_bundle_and_a_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], database: str
) -> None:
    write_run(tmp_path, log())
    assert shown(capsys, "bundle", str(tmp_path), "-o", str(tmp_path / "run.bundle"))[0] == 0
    engine = open_engine(database)
    migrate(engine)
    events = [
        decode_event(line) for line in (tmp_path / "ledger" / "entries.jsonl").read_bytes().splitlines()
    ]
    serially(engine, lambda connection: [StoredLedger(connection).append(event) for event in events])
    engine.dispose()
    sources = [str(tmp_path), str(tmp_path / "run.bundle"), database]
    one, *others = (budgets(capsys, source) for source in sources)
    assert others == [one, one]
    assert one[0]["releases"] == 1


def test_the_forecast_is_what_the_budget_authorizes_and_not_a_round_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = [*opening(epsilon=4.0), *one_round(1, noise=5.0)]
    write_run(tmp_path, events)
    (found,) = budgets(capsys, str(tmp_path))
    left = found["rounds_left"]
    assert isinstance(left, int)
    assert 1 < left < 100
    budget = Budget(
        declared(epsilon=4.0).guarantee(),
        recorded=[e for e in events if isinstance(e, PrivacyEvent)],
        record=lambda event: None,
    )
    later = [e for n in range(2, left + 3) for e in one_round(n, noise=5.0) if isinstance(e, PrivacyEvent)]
    for event in later[:left]:
        budget.authorize(event)
    with pytest.raises(BudgetExceeded):
        budget.authorize(later[left])
    assert f"{left} rounds left at this rate" in shown(capsys, "budget", str(tmp_path))[1]


def test_a_line_over_its_cap_is_seen_in_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    low = CapChanged(line=LINE, scope="line", epsilon=0.5, proposed_by="ann", approved_by="bob")
    write_run(tmp_path, [*log(), low])
    code, text = shown(capsys, "budget", str(tmp_path))
    assert code == 1
    assert "0.500" in text
    assert "0 rounds left" in text


@pytest.mark.parametrize("damage", ["cut", "changed", "none"])
def test_a_log_that_is_not_whole_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    write_run(tmp_path, log())
    entries = tmp_path / "ledger" / "entries.jsonl"
    text = entries.read_bytes()
    if damage == "none":
        entries.unlink()
    else:
        entries.write_bytes(text[:-9] if damage == "cut" else text.replace(b'"round":2', b'"round":3', 1))
    code, said = shown(capsys, "budget", str(tmp_path))
    assert code == 2
    assert len(said.splitlines()) == 1
    assert str(tmp_path) in said


def test_a_bundle_whose_seal_does_not_fit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, log())
    path = tmp_path / "run.bundle"
    assert shown(capsys, "bundle", str(tmp_path), "-o", str(path))[0] == 0
    path.write_bytes(path.read_bytes().replace(b'"noise_multiplier":"3"', b'"noise_multiplier":"9"', 1))
    code, said = shown(capsys, "budget", str(path))
    assert code == 2
    assert "seal" in said
