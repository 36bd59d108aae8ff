"""``penchant-server release``: publish, try out, promote, roll back, expire, withdraw; or lay out a static folder.

Everything but ``static`` goes through the service with an operator's token (PENCHANT_TOKEN), so that it is recorded.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from privacy.acts import ReleaseWithdrawn
from privacy.attested import attest
from privacy.channel import LABEL, MANIFEST, NAMES, PROOF, Channel, pointer_to
from privacy.errors import PrivacyError
from privacy.manifest import Manifest, TrustAnchors, open_manifest
from privacy.withdrawal import open_withdrawal
from server.releases import ReleaseRefused, static_layout

TRUST = "trust.json"
DATABASE = os.environ.get("PENCHANT_DATABASE", "sqlite:///penchant.db")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``release`` with its verbs."""
    parser = commands.add_parser("release", help="publish releases and point devices at them")
    verbs = parser.add_subparsers(dest="verb", required=True)
    service = argparse.ArgumentParser(add_help=False)
    service.add_argument("--server", default="http://127.0.0.1:8400", metavar="URL")
    line = argparse.ArgumentParser(add_help=False)
    line.add_argument("line", help="name of the release line")
    number = argparse.ArgumentParser(add_help=False)
    number.add_argument("sequence", type=int, help="number of the release")
    seal = verbs.add_parser("seal", help="label a trained model from this service's log, and sign it")
    seal.add_argument(
        "folder", type=Path, help="model.onnx and catalogue.json; the rest is written beside them"
    )
    seal.add_argument("line", help="name of the release line, declared in the service's log")
    seal.add_argument("--database", default=DATABASE, metavar="URL", help="the service's")
    seal.add_argument(
        "--declared", type=Path, required=True, metavar="FILE", help="TOML: what no ledger can show"
    )
    seal.add_argument("--release-key", type=Path, default=Path("penchant-release.key"), metavar="FILE")
    seal.add_argument("--pins", type=Path, default=Path("penchant-log.key.pins"), metavar="FILE")
    seal.add_argument("--days", type=int, default=90, metavar="N", help="until the release expires")
    publish = verbs.add_parser(
        "publish", parents=[service], help="send a release folder; no device takes it yet"
    )
    publish.add_argument(
        "folder", type=Path,
        help="model, catalogue, manifest, label, trust.json, and the proof if another log than the service's has it",
    )  # fmt: skip
    canary = verbs.add_parser("canary", parents=[service, line, number], help="let a share of devices try it")
    canary.add_argument("share", type=float, help="0 to 1; 0 takes the canary away")
    verbs.add_parser("promote", parents=[service, line, number], help="point every device at it")
    verbs.add_parser("roll-back", parents=[service, line], help="end the canary, or take the promotion back")
    verbs.add_parser("expire", parents=[service, line, number], help="end a release by hand")
    withdraw = verbs.add_parser(
        "withdraw", parents=[service, line, number], help="make devices stop using it: an entry in the log"
    )
    withdraw.add_argument("--reason", choices=("hazard", "replaced", "decision"), default="decision")
    withdraw.add_argument(
        "--evidence", type=Path, metavar="FILE", help="a withdrawal that another log than the service's shows"
    )
    withdraw.add_argument("--keep", type=Path, metavar="FILE", help="write what shows it, for static folders")
    verbs.add_parser("show", parents=[service, line], help="a line, its releases and where it points")
    prove = verbs.add_parser(
        "prove",
        parents=[service],
        help="fetch a published folder's log proof anew, with the keys replaced since",
    )
    prove.add_argument("folder", type=Path, help="what was published, with its trust.json")
    static = verbs.add_parser("static", help="lay a release folder out for any web server")
    static.add_argument("folder", type=Path)
    static.add_argument("out", type=Path, help="folder to serve; a device syncs from its address")
    static.add_argument(
        "--withdrawn", type=Path, action="append", default=[], metavar="FILE",
        help="what shows that a release was withdrawn, this one or another; may be given again",
    )  # fmt: skip


def run_release(verb: str, **options: Any) -> None:
    """Do one verb and print what came of it.

    Raises:
        ReleaseRefused: it cannot be done; says why.
    """
    if verb == "static":
        _static(options["folder"], options["out"], options["withdrawn"])
        return
    if verb == "seal":
        _seal(options)
        return
    with httpx.Client(base_url=options["server"], headers=_token(), timeout=60) as client:
        if verb == "prove":
            _prove(client, options["folder"])
            return
        if verb == "publish":
            found = _publish(client, options["folder"])
        else:
            found = _withdraw(client, options) if verb == "withdraw" else _move(client, verb, options)
    print(json.dumps(found, indent=1))
    if found.get("waiting"):
        print(f"An officer approves it: POST /v1/changes/{found['waiting']}/approval")


def read_release(folder: Path) -> tuple[dict[str, bytes], TrustAnchors]:
    """Read a release folder and the keys it says it is signed by.

    Raises:
        ReleaseRefused: a file is missing, or trust.json is none.
    """
    try:
        files = {name: (folder / name).read_bytes() for name in NAMES if (folder / name).exists()}
        trust = TrustAnchors.decode((folder / TRUST).read_bytes())
    except OSError as problem:
        raise ReleaseRefused(f"{problem.filename}: {problem.strerror}") from None
    except PrivacyError as problem:
        raise ReleaseRefused(f"{TRUST}: {problem}") from None
    if missing := [name for name in NAMES if name not in files and name != PROOF]:
        raise ReleaseRefused(f"{folder} lacks {', '.join(missing)}")
    return files, trust


def _seal(options: Mapping[str, Any]) -> None:
    from server.sealing import seal  # with the accountants behind it, which take seconds to load

    names = ("database", "declared", "release_key", "pins", "days")
    folder = options["folder"]
    label = seal(folder, options["line"], **{name: options[name] for name in names})
    print(
        f"{folder}: release {label.sequence} of {label.line}, labelled ({folder / 'label.html'}) and signed"
    )
    for reason in label.because:
        print(f"It must not go out: {reason}")


def _static(folder: Path, out: Path, withdrawn: Sequence[Path]) -> None:
    files, trust = read_release(folder)
    if PROOF not in files:
        raise ReleaseRefused(f"{folder} lacks {PROOF}: publish it first, devices take what a log shows")
    manifest = _manifest_of(files, trust)
    shown = {path: _open_evidence(path, trust) for path in withdrawn}
    over = (manifest.line, manifest.sequence) in {(each.line, each.sequence) for each in shown.values()}
    evidence = {str(path): path.read_bytes() for path in shown}
    channel = Channel(
        line=manifest.line,
        current=None if over else pointer_to(files),
        withdrawn=tuple(hashlib.sha256(data).hexdigest() for data in evidence.values()),
    )
    layout = static_layout(channel, {**files, **evidence})
    for path, data in sorted(layout.items(), reverse=True):
        place = out / path
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_name(f".{place.name}.half")
        half.write_bytes(data)
        half.replace(place)
    print(f"{len(layout)} files in {out}: serve the folder, and devices sync from its address")


def _open_evidence(path: Path, trust: TrustAnchors) -> ReleaseWithdrawn:
    """Read a file that shows a withdrawal.

    Raises:
        ReleaseRefused: it cannot be read, or shows none.
    """
    try:
        return open_withdrawal(_bytes(path), trust)
    except PrivacyError as problem:
        raise ReleaseRefused(f"{path}: {problem}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ReleaseRefused(f"{path}: {problem.strerror}") from None


def _manifest_of(files: Mapping[str, bytes], trust: TrustAnchors) -> Manifest:
    """Return the manifest of a release, which the keys in its trust.json, or their successors, signed.

    Raises:
        ReleaseRefused: they did not.
    """
    try:
        if PROOF in files:
            return attest(files[MANIFEST], files[PROOF], trust).manifest
        return open_manifest(files[MANIFEST], trust.release_key)
    except PrivacyError as problem:
        raise ReleaseRefused(f"manifest.json is not signed by the keys in {TRUST}: {problem}") from None


def _publish(client: httpx.Client, folder: Path) -> dict[str, Any]:
    files, trust = read_release(folder)
    if LABEL not in files:
        raise ReleaseRefused(f"{folder} lacks {LABEL}: nothing is published without its privacy label")
    base = f"/v1/releases/{quote(_manifest_of(files, trust).line, safe='')}"
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    for name, data in files.items():
        _answer(client.put(f"{base}/files/{digests[name]}", content=data))
    if PROOF in files:
        body = {"files": digests, "trust": json.loads(trust.encode())}
        return _answer(client.post(base, json=body))
    own = {"files": digests, "release_key": trust.release_key.base64}
    found = _answer(client.post(f"{base}/publication", json=own))
    _keep_proof(client, base, folder, found, digests[MANIFEST])
    return found


def _prove(client: httpx.Client, folder: Path) -> None:
    files, trust = read_release(folder)
    base = f"/v1/releases/{quote(_manifest_of(files, trust).line, safe='')}"
    _keep_proof(client, base, folder, _answer(client.get(base)), hashlib.sha256(files[MANIFEST]).hexdigest())
    print(f"{folder / PROOF}: as the service's log proves it now; lay a static folder out anew")


def _keep_proof(
    client: httpx.Client, base: str, folder: Path, found: Mapping[str, Any], manifest: str
) -> None:
    """Put the proof that the service's log made beside what was published."""
    published = next((each for each in found["releases"] if each["files"][MANIFEST] == manifest), None)
    if published is None:
        raise ReleaseRefused(f"{folder}: the service has no such release; publish it first")
    answer = client.get(f"{base}/files/{published['files'][PROOF]}")
    if not answer.is_success:
        raise ReleaseRefused(f"it is published, but the service answers {answer.status_code} for its proof")
    (folder / PROOF).write_bytes(answer.content)


def _move(client: httpx.Client, verb: str, options: Mapping[str, Any]) -> dict[str, Any]:
    base = f"/v1/releases/{quote(options['line'], safe='')}"
    if verb == "show":
        return _answer(client.get(base))
    if verb == "roll-back":
        return _answer(client.post(f"{base}/rollback"))
    path = {"canary": "canary", "promote": "promotion", "expire": "expiry"}[verb]
    body = {"share": options["share"]} if verb == "canary" else None
    return _answer(client.post(f"{base}/{options['sequence']}/{path}", json=body))


def _withdraw(client: httpx.Client, options: Mapping[str, Any]) -> dict[str, Any]:
    base, sequence = f"/v1/releases/{quote(options['line'], safe='')}", options["sequence"]
    body: dict[str, str] = {"reason": options["reason"]}
    if options["evidence"] is not None:
        data = _bytes(options["evidence"])
        body = {"evidence": hashlib.sha256(data).hexdigest()}
        _answer(client.put(f"{base}/files/{body['evidence']}", content=data))
    found = _answer(client.post(f"{base}/{sequence}/withdrawal", json=body))
    if options["keep"] is not None:
        release = next(each for each in found["releases"] if each["sequence"] == sequence)
        answer = client.get(f"{base}/files/{release['withdrawal']}")
        if not answer.is_success:
            raise ReleaseRefused(
                f"it is withdrawn, but the service answers {answer.status_code} for what shows it"
            )
        options["keep"].write_bytes(answer.content)
    return found


def _token() -> dict[str, str]:
    token = os.environ.get("PENCHANT_TOKEN", "")
    if not token:
        raise ReleaseRefused("put the operator's token into the environment as PENCHANT_TOKEN")
    return {"authorization": f"Bearer {token}"}


def _answer(answer: httpx.Response) -> dict[str, Any]:
    try:
        found: dict[str, Any] = answer.json() if answer.content else {}
    except ValueError:
        found = {}
    if answer.is_success:
        return found
    raise ReleaseRefused(
        f"the service answers {answer.status_code}: {found.get('detail', 'no reason given')}"
    )
