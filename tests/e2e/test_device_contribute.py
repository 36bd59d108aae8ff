"""A device's contribution: shown before it leaves, refused without consent, paid for before it is handed over."""

from pathlib import Path

import numpy as np
import pytest

from client.contribution import contribute
from client.device.device import Device
from client.device.personal import ConsentNeeded
from client.participation import CapReached
from models.history import from_lists
from tests.e2e.persons import MET, device, meet
from tests.e2e.serving import Service
from tests.unit.test_contribution import ACCEPTED, call, terms


def agree(opened: Device) -> None:
    opened.consent.grant(opened.consent.notice("federated_contribution"))


def test_what_is_shown_is_what_the_one_function_gives_and_what_is_handed_over(tmp_path: Path) -> None:
    service = Service(tmp_path)
    with service.up(), device(tmp_path, server=service.url, clock=service.clock, bundle=None) as one:
        one.consent.grant(one.consent.notice("local_personalization"))
    with service.up(), device(tmp_path, server=service.url) as one:
        meet(one, *MET)
        one.track("dislike", "i9")
        asked = call(terms())
        with pytest.raises(ConsentNeeded):
            one.contribute(asked, accepted=ACCEPTED)
        agree(one)
        shown = one.contribute(asked, accepted=ACCEPTED)
        again = contribute(
            asked,
            accepted=ACCEPTED,
            earlier=[],
            histories=from_lists([[int(item[1:]) for item in MET]]),
            subjects=np.array([0], np.int64),
        )
        assert shown.payload == again.payload
        assert one.contribute(asked, accepted=ACCEPTED).payload == shown.payload
        assert one.hand_over(shown) == shown.payload


def test_rounds_add_up_until_the_cap_and_a_withdrawal_gives_nothing_back(tmp_path: Path) -> None:
    service = Service(tmp_path)
    with service.up(), device(tmp_path, server=service.url) as one:
        meet(one, *MET)
        agree(one)
        spent = []
        for number in range(1, 99):
            try:
                shown = one.contribute(call(terms(round=number)), accepted=ACCEPTED)
            except CapReached:
                break
            one.hand_over(shown)
            spent.append(shown.cost.together.epsilon)
        assert spent == sorted(spent)
        assert 1 < len(spent) < 98
        one.consent.withdraw("federated_contribution")
        with pytest.raises(ConsentNeeded):
            one.hand_over(shown)
        one.consent.courier.settle("federated_contribution")
        agree(one)
        with pytest.raises(CapReached):
            one.contribute(call(terms(round=99)), accepted=ACCEPTED)
        one.forget(everything=True)
        with pytest.raises(CapReached):
            one.contribute(call(terms(round=99)), accepted=ACCEPTED)


def test_consent_that_ends_between_showing_and_handing_over_keeps_the_bytes_here(tmp_path: Path) -> None:
    service = Service(tmp_path)
    with service.up(), device(tmp_path, server=service.url) as one:
        meet(one, *MET)
        agree(one)
        shown = one.contribute(call(terms()), accepted=ACCEPTED)
        one.consent.withdraw("federated_contribution")
        with pytest.raises(ConsentNeeded):
            one.hand_over(shown)
        assert one._memory.earlier() == []
