"""Known hazards: each names a test that exists and a source that exists, and the log can hold both."""

import hashlib

import pytest

from privacy.acts import HazardMitigated, HazardRaised
from privacy.events import decode_event, encode_event
from privacy.hazards import KNOWN, ROOT, Hazard


@pytest.mark.parametrize("hazard", KNOWN, ids=lambda hazard: hazard.name)
def test_its_mitigation_is_tested_and_its_source_is_the_present_one(hazard: Hazard) -> None:
    path, name = hazard.test.split("::")
    assert f"def {name}(" in (ROOT / path).read_text()
    raised, mitigated = hazard.events()
    assert isinstance(raised, HazardRaised)
    assert isinstance(mitigated, HazardMitigated)
    assert mitigated.evidence == hashlib.sha256((ROOT / hazard.source).read_bytes()).hexdigest()
    assert all(decode_event(encode_event(event)) == event for event in (raised, mitigated))


@pytest.mark.parametrize("hazard", KNOWN, ids=lambda hazard: hazard.name)
def test_the_code_that_mitigates_names_the_hazard_or_is_named_by_it(hazard: Hazard) -> None:
    assert hazard.name.split("-")[1] in hazard.reference
