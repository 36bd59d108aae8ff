"""Scenarios: every knob in the file, nothing that decides privacy in code, mistakes named with the nearest key."""

import math
import re
from pathlib import Path

import pytest

from privacy.terms import largest_delta
from simulations import scenario as module
from simulations.scenario import PrivacySection, Scenario, ScenarioError, keys, load

FOLDER = Path(module.__file__).parent / "scenarios"
MOVIELENS = FOLDER / "movielens.toml"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_scenario_loads(path: Path) -> None:
    found = load(path, overrides=[], seed=None)
    assert found.name == path.stem
    assert found.privacy.delta <= largest_delta(found.population.declared)


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("privacy.epsilonn=3", "privacy.epsilonn is unknown; did you mean privacy.epsilon?"),
        ("training.recipe.rank=3", "did you mean training.recipe.rank_limit?"),
        ("consent.grantshare=0.5", "did you mean consent.grant_share?"),
        ("privcy.epsilon=1", "privcy is unknown; did you mean privacy?"),
        ("privacy.epsilon=1000", "1000 promises nothing; give at most 100, or inf"),
        ("consent.grant_share=many", "consent.grant_share"),
        ("privacy.delta=0.1", "N^-1.1"),
        ("privacy.trust=nobody", "privacy.trust"),
        ("training.mechanism=magic", "training"),
        ("nonsense", "section.key=value"),
        ("seed.deeper=1", "seed is a value"),
    ],
)
def test_a_mistake_is_named_with_its_mend(override: str, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(complaint)):
        load(MOVIELENS, overrides=[override], seed=None)


def test_gradient_rounds_say_how_fine_a_grid_they_need() -> None:
    with pytest.raises(ScenarioError, match="gradient rounds need 32 to 40"):
        load(FOLDER / "movielens-fedavg.toml", overrides=["privacy.scale_bits=31"], seed=None)


@pytest.mark.parametrize("key", [key for key in keys(Scenario) if key.startswith("privacy.")])
def test_no_parameter_that_decides_privacy_has_a_default(tmp_path: Path, key: str) -> None:
    name = key.removeprefix("privacy.")
    assert PrivacySection.model_fields[name].is_required()
    text = re.sub(rf"^{name} = .*$", "", MOVIELENS.read_text(), flags=re.MULTILINE)
    (tmp_path / "without.toml").write_text(text)
    with pytest.raises(ScenarioError, match=f"{key} is missing"):
        load(tmp_path / "without.toml", overrides=[], seed=None)


def test_overrides_and_seed_change_the_digest_and_only_they() -> None:
    base = load(MOVIELENS, overrides=[], seed=None)
    assert base.digest() == load(MOVIELENS, overrides=[], seed=base.seed).digest()
    assert base.digest() != load(MOVIELENS, overrides=[], seed=base.seed + 1).digest()
    open_ended = load(MOVIELENS, overrides=["privacy.epsilon=inf"], seed=None)
    assert math.isinf(open_ended.privacy.epsilon)
    assert not open_ended.privacy.guarantee().private
    assert open_ended.digest() != base.digest()


def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="existing scenario file"):
        load(tmp_path / "none.toml", overrides=[], seed=None)
    (tmp_path / "bad.toml").write_text("= no")
    with pytest.raises(ScenarioError, match="not TOML"):
        load(tmp_path / "bad.toml", overrides=[], seed=None)
