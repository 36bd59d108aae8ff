"""Scenarios: one TOML file is one frozen object, and its digest stands in the ledger and in every result."""

import difflib
import hashlib
import json
import math
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from models.errors import ModelError
from privacy.terms import RELATION, UNIT, Guarantee, NeighboringRelation, Trust, Unit, largest_delta
from simulations.columns import ROLES, Role
from simulations.errors import SimulationError
from simulations.sections import Count, GradientTraining, MomentsTraining, Positive, Section, Share


class ScenarioError(SimulationError):
    """The scenario cannot be read as it stands: the message names the key and the nearest valid one."""

    code: ClassVar[str] = "scenario_refused"


Column = Annotated[str, Field(min_length=1)] | Count | None


class ColumnsSection(Section):
    """Which column of a table is what: its name, its number from 1, or "-" to leave it out; unset is guessed."""

    user: Column = None
    item: Column = None
    rating: Column = None
    time: Column = None
    text: Column = None
    genres: Column = None

    def asked(self) -> dict[Role, str | int | None]:
        """Return what was said, by role."""
        return {role: getattr(self, role) for role in ROLES}


class DatasetSection(Section):
    """Which interactions the simulated devices hold, and how a table of them is read."""

    name: Literal["ml-100k", "ml-1m", "csv", "parquet"]
    header: bool = True
    columns: ColumnsSection = ColumnsSection()
    benchmark: bool | None = None
    """Whether the people in it are a public benchmark's, so that epsilon need not cover tuning and evaluation on
    them; unset, only the data sets we know by name are."""

    @property
    def is_benchmark(self) -> bool:
        """Whether epsilon need not cover what is measured on these people."""
        return self.name.startswith("ml-") if self.benchmark is None else self.benchmark


class FeaturesSection(Section):
    """What is made of the items' public metadata; it costs no privacy."""

    text: Literal["words", "minilm"] = "words"


class PopulationSection(Section):
    """The declared population D rests on, and how many nodes stand for it."""

    declared: Annotated[int, Field(ge=2)]
    shards: Count
    history: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    """How many items a person has typically met, where that is public; the plan rests on it."""


class ConsentSection(Section):
    """Who grants `federated_contribution`, and who of them withdraws while training goes on."""

    grant_share: Share
    withdraw_share: Share


class PrivacySection(Section):
    """Everything that decides privacy; nothing here has a default."""

    epsilon: Annotated[float, Field(gt=0)]
    """At most 100, where it still says anything, or inf."""
    delta: Annotated[float, Field(gt=0, lt=1)]
    unit: Unit
    neighboring_relation: NeighboringRelation
    trust: Trust
    clipping_norm: Positive
    scale_bits: Annotated[int, Field(ge=8, le=40)]

    @field_validator("epsilon")
    @classmethod
    def _epsilon_says_something(cls, epsilon: float) -> float:
        if 100 < epsilon < math.inf:
            raise ValueError(f"{epsilon:g} promises nothing; give at most 100, or inf to train without noise")
        return epsilon

    def guarantee(self) -> Guarantee:
        """Return the line's cap."""
        return Guarantee(
            epsilon=self.epsilon,
            delta=self.delta,
            unit=UNIT,
            neighboring_relation=RELATION,
            trust=self.trust,
        )


class LineSection(Section):
    """The release line as declared beforehand."""

    name: Annotated[str, Field(min_length=1)]
    period_days: Count
    releases: Count
    release_expires_days: Count


class EvaluationSection(Section):
    """What is measured and shown; nothing here touches training."""

    sample_people: Annotated[int, Field(ge=1, le=50)]
    slate_length: Annotated[int, Field(ge=1, le=50)]


class DeclaredSection(Section):
    """What no ledger can show and a release's owner has to say; what is left out blocks the release."""

    one_person_one_id: str = ""
    pretraining: str = ""
    side_channels: str = ""
    security: str = ""
    data_collected: str = ""
    retention: str = ""
    approver: str = ""


class Scenario(Section):
    """Every knob of one run."""

    name: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)]
    test_seed: Annotated[int, Field(ge=0, lt=2**64)] | None = None
    """Seeds coins and noise, so that a test can repeat a run bit for bit; such a run is stamped not private."""
    dataset: DatasetSection
    features: FeaturesSection = FeaturesSection()
    population: PopulationSection
    consent: ConsentSection
    privacy: PrivacySection
    line: LineSection
    training: Annotated[MomentsTraining | GradientTraining, Field(discriminator="mechanism")]
    evaluation: EvaluationSection
    declared: DeclaredSection = DeclaredSection()

    @model_validator(mode="after")
    def _delta_protects_everyone(self) -> "Scenario":
        limit = largest_delta(self.population.declared)
        if self.privacy.delta > limit:
            raise ValueError(
                f"privacy.delta is {self.privacy.delta:g}; over {self.population.declared} people it may be at "
                f"most N^-1.1 = {limit:.6g}"
            )
        return self

    @model_validator(mode="after")
    def _grid_is_fine_enough(self) -> "Scenario":
        if self.training.mechanism == "gradient" and self.privacy.scale_bits < 32:
            raise ValueError(
                f"privacy.scale_bits is {self.privacy.scale_bits}; gradient rounds need 32 to 40, outer products "
                "are summed exactly on that grid"
            )
        return self

    @property
    def private(self) -> bool:
        """Whether the line's cap is a promise: noise bounds it, and nobody can repeat the noise."""
        return self.privacy.guarantee().private and self.test_seed is None

    def digest(self) -> str:
        """Return the SHA-256 of the whole scenario as sorted compact JSON, hex; infinity is null."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def load(path: Path, *, overrides: list[str], seed: int | None) -> Scenario:
    """Read a scenario file and apply ``section.key=value`` overrides, values in TOML or as plain text.

    Raises:
        ScenarioError: unreadable, unknown or mistyped; names file, key, reason and the nearest valid key.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ScenarioError(
            f"{path}: {problem.strerror or problem}; name an existing scenario file"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ScenarioError(f"{path}: not TOML: {problem}") from None
    for override in overrides:
        _apply(tree, override)
    if seed is not None:
        tree["seed"] = seed
    try:
        return Scenario.model_validate(tree)
    except ValidationError as problem:
        raise ScenarioError(f"{path}: " + "; ".join(map(_explain, problem.errors()))) from None
    except ModelError as problem:
        raise ScenarioError(f"{path}: {problem}") from None


def _apply(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise ScenarioError(f"--set {override}: write it as section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, leaf = key.strip().split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise ScenarioError(f"--set {override}: {section} is a value, not a section")
    tree[leaf] = value


def _explain(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"] if part not in ("moments", "gradient"))
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{where} is unknown{_nearest(where)}"
    if error["type"] in ("missing", "missing_argument"):
        return f"{where} is missing"
    given = "" if error["type"] == "value_error" else f" (given: {error['input']!r})"
    return f"{where or 'scenario'}: {error['msg']}{given}"


def _nearest(where: str) -> str:
    """Name the valid key closest to a wrong one: among its own siblings first."""
    known = keys(Scenario)
    section = where.rpartition(".")[0]
    leaf = where.rpartition(".")[2]
    siblings = {key.rpartition(".")[2]: key for key in known if key.rpartition(".")[0] == section}
    if not section:
        siblings |= {key.partition(".")[0]: key.partition(".")[0] for key in known}
    leaves = siblings or {key.rpartition(".")[2]: key for key in known}
    (close,) = difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.0)
    return f"; did you mean {leaves[close]}?"


def keys(section: type, prefix: str = "") -> list[str]:
    """Return every key a scenario may hold, dotted."""
    if is_dataclass(section):
        return [f"{prefix}{field.name}" for field in fields(section)]
    if not (isinstance(section, type) and issubclass(section, BaseModel)):
        return [prefix.rstrip(".")]
    found = []
    for name, info in section.model_fields.items():
        for inner in get_args(info.annotation) or (info.annotation,):
            found += keys(inner, f"{prefix}{name}.")
    return list(dict.fromkeys(found))
