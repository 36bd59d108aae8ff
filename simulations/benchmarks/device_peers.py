"""The same ranking by numpy and by torch eager, in float32: what the release graph is measured beside."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from models.history import Float
from models.parameters import GlobalParameters
from models.preference import VARIANCE_FLOOR, spread

Answer = tuple[NDArray[np.int64], Float]
Rank = Callable[[NDArray[np.int64]], Answer]
"""The positions of a history, oldest first, to the best unseen items and each event's part in each."""


def by_numpy(params: GlobalParameters, *, k: int) -> Rank:
    """Rank in float32: fold in, score everything by one product a table, choose, split into reasons."""
    parts = [
        (weight, inward, outward, *spread(outward))
        for weight, inward, outward in (
            (params.taste_weight, params.taste_in, params.taste_out),
            (params.content_weight, params.content, params.content),
        )
        if outward.size
    ]

    def rank(history: NDArray[np.int64]) -> Answer:
        ages = np.arange(len(history), dtype=np.float32)[::-1]
        weights = np.float32(params.alpha) + np.float32(1 - params.alpha) * np.exp(
            -ages / np.float32(params.tau)
        )
        fade = weights.sum() / (weights.sum() + np.float32(params.fade_in))
        scores, folded = params.bias.copy(), []
        for weight, inward, outward, mean, covariance in parts:
            met = inward[history] * weights[:, None]
            taste = met.sum(axis=0)
            factor = (
                np.float32(weight) * fade / np.sqrt(taste @ covariance @ taste + np.float32(VARIANCE_FLOOR))
            )
            scores += outward @ (taste * factor)
            scores -= mean @ (taste * factor)
            folded.append((outward, mean, met * factor))
        scores[history] = -np.inf
        found = np.argpartition(-scores, k)[:k]
        best = found[np.argsort(-scores[found])]
        return best, sum((outward[best] - mean) @ met.T for outward, mean, met in folded)

    return rank


def by_torch(params: GlobalParameters, *, k: int) -> Rank:
    """Rank by torch eager, written for speed: products by `linear`, no autograd, one thread."""
    torch.set_num_threads(1)
    bias = torch.from_numpy(params.bias)
    parts = [
        (weight, torch.from_numpy(inward), torch.from_numpy(outward), _spread(outward))
        for weight, inward, outward in (
            (params.taste_weight, params.taste_in, params.taste_out),
            (params.content_weight, params.content, params.content),
        )
        if outward.size
    ]

    @torch.inference_mode()
    def rank(history: NDArray[np.int64]) -> Answer:
        items = torch.from_numpy(history)
        ages = torch.arange(len(history) - 1, -1, -1, dtype=torch.float32)
        weights = params.alpha + (1 - params.alpha) * torch.exp(-ages / params.tau)
        fade = weights.sum() / (weights.sum() + params.fade_in)
        scores, folded = bias.clone(), []
        for weight, inward, outward, (mean, covariance) in parts:
            met = inward[items] * weights[:, None]
            taste = met.sum(dim=0)
            factor = weight * fade / torch.sqrt(taste @ covariance @ taste + VARIANCE_FLOOR)
            scores += torch.nn.functional.linear((taste * factor)[None], outward)[0] - mean @ (taste * factor)
            folded.append((outward, mean, met * factor))
        scores[items] = -torch.inf
        best = torch.topk(scores, k).indices
        events = torch.stack([(outward[best] - mean) @ met.T for outward, mean, met in folded]).sum(dim=0)
        return best.numpy(), events.numpy()

    return rank


def _spread(table: Float) -> tuple[torch.Tensor, torch.Tensor]:
    mean, covariance = spread(table)
    return torch.from_numpy(mean), torch.from_numpy(covariance)
