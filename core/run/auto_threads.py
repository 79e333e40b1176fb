"""How many threads train if that is to follow what was fastest in the last seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter_ns

from eetui.core.optimizations import AUTO_THREADS, find_optimization
from eetui.core.run.trainer import Trainer

BLOCK_NS = 4_000_000
"""What each half of a pair takes, if a step takes less."""
SHARE = 0.02
"""Of the time, what goes into pairs once the first ones are known."""
PAIRS = 6
LEAST_PAIRS = 3
LEAST_GAIN = 1.1
"""How many times as fast more threads have to be; fewer have to be no slower."""
TRIAL_NS = 300_000_000
"""Training with more threads before it is judged."""
LEAST_WAIT_NS, LONGEST_WAIT_NS = 2_000_000_000, 60_000_000_000
"""Before more threads are tried again: twice as long each time that they did not last."""

Pairs = deque[tuple[int, int]]


class AutoThreads:
    """Compares the number of threads with half of it and with twice of it, in pairs of short blocks
    from a copy of the state, by the wall clock, and goes over to what is faster.

    Going back to fewer is judged by the training itself: a thread that is stopped now and then is
    seldom stopped in so short a block.

    A change is logged as any other of a toggle, so the same run can be trained again.
    """

    def __init__(self, trainer: Trainer, now_ns: Callable[[], int] = perf_counter_ns) -> None:
        self._trainer, self._now_ns = trainer, now_ns
        self._pairs: dict[int, Pairs] = {}
        self._of: object = None  # what the pairs are of
        self._due_ns = self._changed_ns = self._not_before_ns = 0
        self._wait_ns = LEAST_WAIT_NS
        self._turn = 0

    def follow(self) -> str:
        """Take a pair if one is due; gives a sentence where the number of threads has changed."""
        trainer, start = self._trainer, self._now_ns()
        setup = trainer.setup
        of = (setup.engine, setup.optimizations, setup.model, setup.train.batch)
        if of != self._of:
            self._of, self._pairs, self._due_ns = of, {}, 0
        others = self._others()
        if start < self._due_ns or not others:
            return ""
        other = others[self._turn // 2 % len(others)]
        self._pairs.setdefault(other, deque(maxlen=PAIRS)).append(self._pair(other))
        self._turn += 1
        spent = self._now_ns() - start
        trainer.history.wait(spent)
        known = all(len(self._pairs.get(n, ())) >= LEAST_PAIRS for n in others)
        self._due_ns = start + (int(spent / SHARE) if known else 2 * spent)
        return self._go_over(other)

    @property
    def told(self) -> str:
        """What is known: 'auto: 2 threads took 1.31 times as long as 1 in the last pairs.'"""
        own = self._trainer.optimizations.threads
        found = (
            f"{n} took {self._times(n):.2f} times as long as {own}"
            for n in sorted(self._pairs)
            if len(self._pairs[n]) >= LEAST_PAIRS
        )
        words = ", ".join(found)
        return f"Threads auto: {words}, in the last seconds." if words else "Threads auto."

    def _others(self) -> list[int]:
        """The numbers of threads beside the present one that are possible here."""
        engine, own = self._trainer.engine, self._trainer.optimizations.threads
        values = [v for v in find_optimization("threads").values if v != AUTO_THREADS]
        near = (v for v in values if v in (own // 2, own * 2))
        return [int(v) for v in near if engine is not None and not engine.why_not("threads", v)]

    def _pair(self, other: int) -> tuple[int, int]:
        """Nanoseconds a step in equal blocks, with as many threads as now and with others."""
        own = self._trainer.optimizations.threads
        order = (own, other) if self._turn % 2 else (other, own)
        spent = {threads: self._block(threads) for threads in order}
        return spent[own], spent[other]

    def _block(self, threads: int) -> int:
        trainer = self._trainer
        assert trainer.engine is not None
        optimizations = replace(trainer.optimizations, threads=threads)
        setup = replace(trainer.setup, optimizations=optimizations)
        pace = trainer.history.wall_us_per_step or BLOCK_NS / 1e3
        n_steps, state = max(1, int(BLOCK_NS / 1e3 / pace)), trainer.state.clone()
        start = self._now_ns()
        setup.advance(trainer.engine, state, trainer.dataset, n_steps)
        return (self._now_ns() - start) // n_steps

    def _times(self, other: int) -> float:
        """How many times as long as the present number of threads another one took."""
        own_ns, other_ns = map(sum, zip(*self._pairs[other], strict=True))
        trained = self._trainer.history.wall_us_per_step
        if other < self._trainer.optimizations.threads and trained:
            own_ns = round(trained * 1e3 * len(self._pairs[other]))
        return other_ns / max(own_ns, 1)

    def _go_over(self, other: int) -> str:
        own = self._trainer.optimizations.threads
        if len(self._pairs[other]) < LEAST_PAIRS:
            return ""
        times, now = self._times(other), self._now_ns()
        if other > own:
            if times > 1 / LEAST_GAIN or now < self._not_before_ns:
                return ""
        else:
            lasted = now - self._changed_ns
            if times > 1.0 or lasted < TRIAL_NS:
                return ""
            longer = min(2 * self._wait_ns, LONGEST_WAIT_NS)
            self._wait_ns = LEAST_WAIT_NS if lasted > 2 * self._wait_ns else longer
            self._not_before_ns = now + self._wait_ns
        self._changed_ns = now
        self._trainer.use_threads(other)
        return f"Threads auto: {other}, which took {times:.2f} of the time of {own}."
