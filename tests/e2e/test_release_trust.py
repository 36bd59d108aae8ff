"""Whom a line trusts, for releases of another log than the service's: its keys may follow each other, never leave."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from privacy.keys import SigningKey
from tests.e2e.consenting import serving
from tests.e2e.labelled import TRUST, labelled
from tests.e2e.test_releases import FIRST, Publishing

NEXT, STRANGER = SigningKey.generate(), SigningKey.generate()


@pytest.fixture
def people(database: str) -> Iterator[Publishing]:
    with serving(database) as service:
        yield Publishing(service)


def trusting(log: SigningKey) -> object:
    return json.loads(replace(TRUST, log_key=log.public).encode())


def test_a_lines_trust_file_may_follow_its_log_and_never_leaves_it(people: Publishing) -> None:
    assert people.publish(FIRST).status_code == 201
    second = labelled(2, items=31, next_log_key=NEXT)
    assert people.publish(second, trust=trusting(STRANGER)).status_code == 422
    assert people.publish(second, trust=trusting(NEXT)).status_code == 201
    assert people.publish(labelled(3, next_log_key=NEXT)).status_code == 201


def test_a_replaced_key_of_the_log_publishes_no_more(people: Publishing) -> None:
    """The planted fault: a release that the pinned key logged, after another had shown that key to be replaced."""
    assert people.publish(labelled(1, next_log_key=NEXT)).status_code == 201
    for late in (labelled(2), labelled(2, next_log_key=STRANGER)):
        answer = people.publish(late)
        assert answer.status_code == 422
        assert "log key that was replaced before" in answer.json()["detail"]
