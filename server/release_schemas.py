"""What travels over HTTP about releases, as the OpenAPI document shows it."""

from pydantic import Field

from privacy.acts import WithdrawalReason
from privacy.channel import FORMAT
from server.schemas import PUBLIC, Schema, example

DIGEST = "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a"
FILES = dict.fromkeys(
    ("catalogue.json", "label.json", "manifest.json", "manifest.proof", "model.onnx"), DIGEST
)
RELEASE = {"sequence": 1, "state": "promoted", "expires": 1_803_000_000, "files": FILES}


class ReleaseIn(Schema):
    """A release whose files were sent before."""

    model_config = example(files=FILES, trust=None)

    files: dict[str, str] = Field(max_length=8, description="SHA-256 by name")
    trust: dict[str, str] | None = Field(default=None, description="trust.json, with a line's first release")


class OwnReleaseIn(Schema):
    """A release of a line in this service's log, whose files were sent before; the log makes the proof."""

    model_config = example(
        files={k: v for k, v in FILES.items() if k != "manifest.proof"}, release_key=PUBLIC
    )

    files: dict[str, str] = Field(max_length=8, description="SHA-256 by name, all but manifest.proof")
    release_key: str = Field(pattern="^[A-Za-z0-9+/]{43}=$", description="signs the line's manifests")


class ShareIn(Schema):
    """How many devices try a release."""

    model_config = example(share=0.05)

    share: float = Field(ge=0, le=1, description="each device decides for itself; 0 takes the canary away")


class WithdrawalIn(Schema):
    """Why a release is withdrawn, or the file by which another log shows that it is: one of the two."""

    model_config = example(reason="hazard", evidence=None)

    reason: WithdrawalReason | None = Field(default=None, description="what this service's log will say")
    evidence: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="SHA-256 of a file that was sent before"
    )


class ReleaseOut(Schema):
    """One release."""

    model_config = example(**RELEASE)

    sequence: int
    state: str
    expires: int
    files: dict[str, str]
    withdrawal: str | None = Field(default=None, description="SHA-256 of what shows devices its withdrawal")


class LineOut(Schema):
    """A line and where it points; 0 is nowhere."""

    model_config = example(line="movies", current=1, canary=0, share=0.0, waiting=None, releases=[RELEASE])

    line: str
    current: int
    canary: int
    share: float
    waiting: int | None = Field(default=None, description="number of the change a second person must approve")
    releases: list[ReleaseOut]


class PointerOut(Schema):
    """Where a release's files are; `share` only with a canary."""

    model_config = example(files=FILES)

    files: dict[str, str] = Field(description="SHA-256 by name")
    share: str | None = Field(default=None, description="of devices that try it, each deciding for itself")


class ChannelOut(Schema):
    """What devices are pointed at; canonical JSON."""

    model_config = example(format=FORMAT, line="movies", current={"files": FILES}, canary=None)

    format: str
    line: str
    current: PointerOut | None
    canary: PointerOut | None
    withdrawn: list[str] = Field(
        default=[], description="SHA-256 of what shows that releases were withdrawn; left out where none was"
    )
