"""Hear which releases were withdrawn: what the pinned log does not show was not."""

from collections.abc import Callable, Collection

from client.device.release import ReleaseError
from client.device.web import WebError
from client.errors import ClientError
from privacy.channel import Channel
from privacy.manifest import Manifest, TrustAnchors
from privacy.withdrawal import MOST_BYTES, WithdrawalRefused, open_withdrawal


class ReleaseFlagged(ReleaseError):
    """The log shows that this release was withdrawn: the caller keeps what it has and waits for another one."""

    code = "release_withdrawn"


def check_standing(manifest: Manifest, withdrawn: Collection[str]) -> None:
    """Refuse a release that was withdrawn.

    Raises:
        ReleaseFlagged: its name, ``line/sequence``, is among those.
    """
    if f"{manifest.line}/{manifest.sequence}" in withdrawn:
        raise ReleaseFlagged("this release was withdrawn: wait for another one")


def hear(channel: Channel, trust: TrustAnchors, fetch: Callable[[str, int], bytes]) -> tuple[list[str], str]:
    """Read every withdrawal that a channel names.

    Args:
        channel: believed in nothing.
        trust: the keys the app pins.
        fetch: returns the file of a digest, no longer than so many bytes.

    Returns:
        The withdrawn releases, ``line/sequence``, and the code of the first file that shows none or does not come,
        empty where all do.
    """
    heard, problem = [], ""
    for digest in channel.withdrawn:
        try:
            event = open_withdrawal(fetch(digest, MOST_BYTES), trust)
            if event.line != channel.line:
                raise WithdrawalRefused("the withdrawal is of another line than the channel")
        except (WebError, ClientError, WithdrawalRefused) as error:
            problem = problem or error.code
            continue
        heard.append(f"{event.line}/{event.sequence}")
    return heard, problem
