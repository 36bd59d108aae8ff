"""A node's reply held against the terms, before the store is asked anything."""

import numpy as np

from privacy.clipping import check_sum
from privacy.events import RoundTerms
from server.round_book import Contribution
from server.round_errors import ReplyRefused


def check_reply(terms: RoundTerms, node: int, reply: Contribution) -> None:
    """Refuse a reply that cannot be an honest node's sum under these terms.

    Raises:
        ReplyRefused: shapes, types or the account are not those of a sum.
        ContributionRefused: the sum is longer than clipped contributions can make it.
    """
    if (
        len(reply.subjects) != len(reply.versions)
        or reply.total.shape != (terms.dimension,)
        or reply.total.dtype != np.int64
    ):
        raise ReplyRefused(f"node {node} sent {reply.total.dtype}{list(reply.total.shape)}")
    if (reply.versions < 0).any():
        raise ReplyRefused(f"node {node} counts a device under no consent at all")
    if len(np.unique(reply.subjects)) != len(reply.subjects):
        raise ReplyRefused(f"node {node} counts a device twice")
    check_sum(
        reply.total,
        count=len(reply.subjects),
        clipping_norm=terms.clipping_norm,
        scale_bits=terms.scale_bits,
    )
