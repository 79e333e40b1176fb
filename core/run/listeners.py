"""What a session tells while it runs, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eetui.core.run.snapshot import Snapshot

Losses: TypeAlias = NDArray[np.float32]
"""The losses [n] of the steps after one another."""
Publish = Callable[[Snapshot], None]
"""Gets a snapshot, at most about 20 times a second."""
Observe = Callable[[int, Losses], None]
"""Gets (first step, losses) after every chunk, every step exactly once."""
GiveWay = Callable[[], object]
"""Is called before every piece of work; it may rest for something that is more urgent."""
