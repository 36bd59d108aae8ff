"""The consent service as a device talks to it: every request signed, every receipt verified."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from client.device.channel import Channel, code_of, good, read_object
from client.device.consent_errors import AskAgain, ConsentUnavailable, ReceiptRefused
from client.device.notice import Notice, read_notice
from client.device.purposes import PURPOSES, Purpose
from client.device.switches import How
from client.device.web import Address, Answer, Web
from privacy.errors import PrivacyError
from privacy.keys import SigningKey, VerifyKey
from privacy.pseudonym import subject_of
from privacy.records import read_receipt

DECISIONS: dict[str, frozenset[str]] = {
    "grant": frozenset({"granted"}),
    "withdraw": frozenset({"withdrawn"}),
    "refuse": frozenset({"refused"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A decision the service signed.

    Args:
        purpose: what was decided on.
        decision: granted, withdrawn or refused.
        version: the consent version it made.
        notice: digest of the notice shown, hex; empty where none was.
        valid_until: when a grant lapses, seconds since 1970 UTC.
        effective_by: when it takes effect at the latest, seconds since 1970 UTC.
        data: the signed bytes.
    """

    purpose: Purpose
    decision: str
    version: int
    notice: str
    valid_until: int
    effective_by: int
    data: bytes


class ConsentClient:
    """One device at one service.

    Args:
        address: of the service.
        key: the device's key for this service.
        trusted: returns the service's pinned keys.
        renew: pins keys that followed them; returns whether there are any.
        clock: seconds since 1970 UTC.
        web: sends requests.
    """

    def __init__(
        self,
        address: Address,
        *,
        key: SigningKey,
        trusted: Callable[[], Sequence[VerifyKey]],
        renew: Callable[[], bool],
        clock: Callable[[], int],
        web: Web,
    ) -> None:
        self._channel = Channel(address, key=key, clock=clock, web=web)
        self._trusted = trusted
        self._renew = renew
        self.subject = subject_of(key.public)

    def keys(self) -> list[VerifyKey]:
        """Return the keys the service names as its own: for a first contact, when nothing is pinned.

        Raises:
            ConsentUnavailable: it does not answer, or names none.
        """
        listed = read_object(self._channel.ask("GET", "/v1/keys", signed=False)).get("keys")
        try:
            return [VerifyKey.from_base64(key["public"]) for key in listed]  # type: ignore[union-attr]
        except (PrivacyError, TypeError, KeyError):
            raise ConsentUnavailable("the service names no keys", problem="malformed_answer") from None

    def notices(self, language: str) -> list[Notice]:
        """Return the notices that hold now.

        Raises:
            ConsentUnavailable: the service does not answer, or not with notices.
        """
        query = f"language={language}"
        listed = read_object(self._channel.ask("GET", "/v1/notices", query=query, signed=False)).get(
            "notices"
        )
        found = [read_notice(each.get("content")) for each in listed or [] if isinstance(each, dict)]
        return [notice for notice in found if notice is not None]

    def states(self, *, gpc: bool) -> dict[Purpose, tuple[int, bool]] | None:
        """Return (version, permitted) of every purpose, or None where nobody is enrolled under this name.

        The answer is not signed: it may only deny.

        Raises:
            ConsentUnavailable, ConsentRefused: there is no answer.
        """
        answer = self._channel.answer("GET", f"/v1/subjects/{self.subject}/consents", headers=_signal(gpc))
        if answer.status == 404:
            return None
        listed = read_object(good(answer)).get("consents")
        found: dict[Purpose, tuple[int, bool]] = {}
        for each in listed if isinstance(listed, list) else []:
            purpose = next((p for p in PURPOSES if isinstance(each, dict) and p == each.get("purpose")), None)
            if purpose and type(each.get("version")) is int:
                found[purpose] = (each["version"], each.get("permitted") is True)
        return found

    def enrol(self, token: str | None) -> None:
        """Enrol this device's pseudonym.

        Raises:
            ConsentUnavailable, ConsentRefused: it is not.
        """
        body = json.dumps({"token": token}).encode()
        self._channel.ask("POST", "/v1/subjects", body=body)

    def grant(self, notice: Notice, *, idempotency_key: str, gpc: bool, token: str | None) -> Receipt:
        """Give consent under the notice and version that were shown, enrolling first where that is needed.

        Raises:
            AskAgain: another version or notice holds now.
            ConsentUnavailable, ConsentRefused, ReceiptRefused: nothing was acknowledged.
        """
        headers = {"if-match": f'"{notice.version}"', "idempotency-key": idempotency_key, **_signal(gpc)}
        path = f"/v1/subjects/{self.subject}/consents/{notice.purpose}"
        body = json.dumps({"notice": notice.digest, "language": notice.language}).encode()
        answer = self._channel.answer("PUT", path, headers=headers, body=body)
        if answer.status == 404:
            self.enrol(token)
            answer = self._channel.answer("PUT", path, headers=headers, body=body)
        if answer.status == 412 or code_of(answer) == "notice_outdated":
            raise AskAgain("another version or notice holds now: fetch the notice, show it and ask again")
        receipt = self._receipt(good(answer), notice.purpose, "grant")
        if receipt.notice != notice.digest:
            raise ReceiptRefused("the receipt is about another notice than the one that was shown")
        return receipt

    def stop(self, purpose: Purpose, how: How, *, beyond: int) -> Receipt:
        """Withdraw or refuse, unconditionally.

        Args:
            purpose: what is withdrawn.
            how: withdrawn, or refused when asked.
            beyond: the newest version granted here; a receipt of that or an older one answers something else, and
                version 0 says that nobody is enrolled.

        Raises:
            ConsentUnavailable, ConsentRefused, ReceiptRefused: nothing was acknowledged.
        """
        path = f"/v1/subjects/{self.subject}/consents/{purpose}"
        if how == "withdraw":
            answer = self._channel.ask("DELETE", path)
        else:
            answer = self._channel.ask("POST", f"{path}/refusals")
        receipt = self._receipt(answer, purpose, how)
        if 0 < receipt.version <= beyond:
            raise ReceiptRefused("the receipt is older than the consent it should end")
        return receipt

    def proof(self, purpose: Purpose, version: int) -> bytes | None:
        """Return what shows that a receipt stands in the service's logs, None while there is nothing.

        Raises:
            ConsentUnavailable, ConsentRefused: there is no answer.
        """
        path = f"/v1/subjects/{self.subject}/consents/{purpose}/receipts/{version}/proof"
        answer = self._channel.answer("GET", path)
        return None if answer.status == 404 else good(answer).body

    def rotations(self) -> bytes | None:
        """Return the log proof of how the service's receipt key was replaced, None where it never was.

        Raises:
            ConsentUnavailable, ConsentRefused: there is no answer.
        """
        answer = self._channel.answer("GET", "/log/rotations/receipt", signed=False)
        return None if answer.status == 404 else good(answer).body

    def erase(self) -> None:
        """Have everything about this subject erased at the service.

        Raises:
            ConsentUnavailable, ConsentRefused: it is not.
        """
        self._channel.ask("DELETE", f"/v1/subjects/{self.subject}")

    def _receipt(self, answer: Answer, purpose: Purpose, act: str) -> Receipt:
        content = _verified(answer.body, self._trusted())
        if content is None and self._renew():
            content = _verified(answer.body, self._trusted())
        if content is None:
            raise ReceiptRefused(
                "the receipt is not signed by a pinned key of the service, nor by one that followed it in its log"
            )
        try:
            header, processing, event = content["header"], content["processing"], content["events"][0]
            receipt = Receipt(
                purpose=purpose,
                decision=event["decision"],
                version=event["version"],
                notice=processing["notice_digest"],
                valid_until=event["valid_until"],
                effective_by=event["effective_by"],
                data=answer.body,
            )
            about = header["subject"], processing["purpose"]
        except (KeyError, IndexError, TypeError):
            raise ReceiptRefused("the receipt lacks what it should say") from None
        if about != (self.subject, purpose) or receipt.decision not in DECISIONS[act]:
            raise ReceiptRefused("the receipt is about another subject, purpose or decision")
        return receipt


def _signal(gpc: bool) -> dict[str, str]:
    return {"sec-gpc": "1"} if gpc else {}


def _verified(data: bytes, trusted: Sequence[VerifyKey]) -> dict[str, Any] | None:
    for key in trusted:
        try:
            return dict(read_receipt(data, key))
        except PrivacyError:
            continue
    return None
