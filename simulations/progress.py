"""Progress where there is no terminal to draw a bar on."""

import math
import sys
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Lines:
    """Say what begins on standard error, a line each, at most one every few seconds.

    Args:
        quiet: say nothing, as where a bar is drawn.
        every: seconds between two lines; what begins sooner after the last is not told.
    """

    quiet: bool = False
    every: float = 2.0
    _began: float = field(default_factory=time.monotonic)
    _told: float = -math.inf

    def say(self, text: str) -> None:
        """Tell what begins now."""
        now = time.monotonic()
        if not self.quiet and now - self._told >= self.every:
            self._told = now
            print(f"{now - self._began:5.0f} s  {text}", file=sys.stderr, flush=True)
