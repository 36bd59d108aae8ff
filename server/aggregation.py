"""The one aggregator: exact integer sums, noise on the same grid, a constant denominator, a server step."""

import io
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from opacus.accountants.accountant import IAccountant
from opacus.optimizers import DPOptimizer

from privacy.clipping import check_sum
from privacy.events import RoundTerms
from privacy.noise import Bits, gaussian_on_grid
from server.errors import ServerError

Int64 = NDArray[np.int64]


class AggregationError(ServerError):
    """A sum does not fit the round's terms: the round must abort, nothing was released."""

    code: ClassVar[str] = "aggregation_refused"


class StepRecorder(IAccountant):  # type: ignore[misc]
    """Hear every optimizer step from Opacus' hook and refuse one that was not authorized as it ran.

    The ledger is the account; this makes sure that no noise was drawn at other terms than those recorded.
    """

    def __init__(self) -> None:
        super().__init__()
        self._expected: tuple[float, float] | None = None

    def expect(self, *, noise_multiplier: float, sampling_rate: float) -> None:
        """Announce the authorized event whose step comes next."""
        self._expected = (noise_multiplier, sampling_rate)

    def step(self, *, noise_multiplier: float, sample_rate: float) -> None:
        """Record one step.

        Raises:
            AggregationError: it is not the one authorized step.
        """
        if self._expected != (noise_multiplier, sample_rate):
            raise AggregationError(
                f"a step ran at noise multiplier {noise_multiplier} and rate {sample_rate}, "
                f"authorized was {self._expected}: stop and compare the terms with the ledger"
            )
        self._expected = None
        self.history.append((noise_multiplier, sample_rate, 1))

    def get_epsilon(self, delta: float, *args: Any, **kwargs: Any) -> float:
        """Return what the steps heard so far cost; the ledger's figure comes from its own events."""
        from privacy.accountant import spent
        from privacy.calibration import PlannedRound

        return spent([PlannedRound(noise, rate) for noise, rate, _ in self.history], delta).epsilon

    def __len__(self) -> int:
        return len(self.history)

    @classmethod
    def mechanism(cls) -> str:
        """Name the accountant as Opacus asks."""
        return "ledger"


class NoisySumOptimizer(DPOptimizer):  # type: ignore[misc]
    """Opacus' optimizer over a sum that devices have already clipped.

    The noise lands on the integers of the sum, and the denominator is the declared constant
    D = sampling rate x declared population, never the number of replies.

    Args:
        optimizer: the inner server step over one flat parameter.
        terms: the authorized round terms.
        bits: random bits for the noise, the operating system's outside tests.

    Source: DPOptimizer of opacus 1.6; hazards opacus#616 (float noise) and #819 (floored batch size).
    """

    def __init__(self, optimizer: torch.optim.Optimizer, *, terms: RoundTerms, bits: Bits) -> None:
        super().__init__(
            optimizer,
            noise_multiplier=terms.noise_multiplier,
            max_grad_norm=terms.clipping_norm,
            expected_batch_size=terms.denominator,
            loss_reduction="mean",
        )
        self._scale_bits = terms.scale_bits
        self._bits = bits

    def accept(self, total: Int64) -> None:
        """Take the exact sum of this round's clipped contributions; a step descends along minus its mean."""
        (parameter,) = self.params
        parameter.grad_sample = parameter.detach().unsqueeze(0)
        parameter.summed_grad = torch.from_numpy(total)

    def clip_and_accumulate(self) -> None:
        """Check that a sum was accepted: clipping has happened on the devices."""
        (parameter,) = self.params
        if parameter.summed_grad is None:
            raise AggregationError("a step needs the round's sum first")

    def add_noise(self) -> None:
        """Add Gaussian noise of std noise_multiplier x C to the integers, then leave the grid."""
        (parameter,) = self.params
        noise = gaussian_on_grid(
            parameter.summed_grad.numel(),
            std=self.noise_multiplier * self.max_grad_norm,
            scale_bits=self._scale_bits,
            bits=self._bits,
        )
        noisy = parameter.summed_grad + torch.from_numpy(noise)
        parameter.grad = (noisy.to(torch.float64) * -(2.0**-self._scale_bits)).to(parameter.dtype)


class Aggregator:
    """Carry one flat parameter through rounds: sum in, noisy step out.

    Args:
        initial: (dimension,) start of the parameter; float64 for statistics, float32 for tables.
        inner: makes the inner optimizer from the parameter, e.g. SGD at rate 1 for a plain noisy mean.
        bits: makes a fresh stream of random bits for each round.
    """

    def __init__(
        self,
        initial: NDArray[Any],
        *,
        inner: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer],
        bits: Callable[[], Bits],
    ) -> None:
        self._parameter = torch.nn.Parameter(torch.from_numpy(initial.copy()))
        self._inner = inner([self._parameter])
        self._fresh_bits = bits
        self.recorder = StepRecorder()

    @property
    def value(self) -> NDArray[Any]:
        """A copy of the parameter as it stands."""
        return self._parameter.detach().numpy().copy()

    def export(self) -> bytes:
        """Return everything a later step depends on: the parameter and the inner optimizer's state."""
        out = io.BytesIO()
        torch.save({"parameter": self._parameter.detach(), "inner": self._inner.state_dict()}, out)
        return out.getvalue()

    def restore(self, exported: bytes) -> None:
        """Go on from what `export` returned.

        Raises:
            AggregationError: it is of another parameter.
        """
        kept = torch.load(io.BytesIO(exported), weights_only=True)
        if kept["parameter"].shape != self._parameter.shape:
            raise AggregationError(
                "the round's stored result belongs to another parameter; do not reuse round numbers"
            )
        with torch.no_grad():
            self._parameter.copy_(kept["parameter"])
        self._inner.load_state_dict(kept["inner"])

    def step(self, total: Int64, *, count: int, terms: RoundTerms) -> NDArray[Any]:
        """Turn the exact sum of a sealed round into the next parameter.

        Args:
            total: (dimension,) int64 sum on the grid of `terms`; absent devices count as zero.
            count: how many contributions are in it: bounds its norm, never divides it.
            terms: what was authorized.

        Returns:
            The new parameter.

        Raises:
            AggregationError: wrong shape or type.
            ContributionRefused: the sum is longer than clipped contributions can make it.
        """
        if total.shape != tuple(self._parameter.shape) or total.dtype != np.int64:
            raise AggregationError(
                f"the sum is {total.dtype}{list(total.shape)}, round {terms.round} needs "
                f"int64{list(self._parameter.shape)}"
            )
        check_sum(total, count=count, clipping_norm=terms.clipping_norm, scale_bits=terms.scale_bits)
        optimizer = NoisySumOptimizer(self._inner, terms=terms, bits=self._fresh_bits())
        optimizer.step_hook = self.recorder.get_optimizer_hook_fn(terms.sampling_rate)
        self.recorder.expect(noise_multiplier=terms.noise_multiplier, sampling_rate=terms.sampling_rate)
        optimizer.accept(total)
        optimizer.step()
        optimizer.zero_grad()
        return self.value
