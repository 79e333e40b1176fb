"""What the screen costs the trainer, in a terminal of 120x40 on an otherwise idle machine:

    python tests/tui/screen_cost.py headless; python tests/tui/screen_cost.py screen

Prints microseconds a step by the wall clock and as counted in the steps, d_model 64, batch 16.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Thread
from time import perf_counter, process_time, sleep

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.run.session import Session
from eetui.tui.app import SWITCH_SECONDS, EetuiApp

SECONDS = 5.0
WARM_UP_STEPS = 2000


def measure(session: Session, results: list[str], stop: Callable[[], object]) -> None:
    """Watch a running session for a while, then stop it."""
    while session.latest.step < WARM_UP_STEPS:
        sleep(0.02)
    first, start, cpu = session.latest, perf_counter(), process_time()
    sleep(SECONDS)
    last, wall, cpu = session.latest, perf_counter() - start, process_time() - cpu
    steps = last.step - first.step
    counted = 1e6 * (last.seconds - first.seconds) / steps
    results.append(
        f"{1e6 * wall / steps:.1f} us/step by the clock, {counted:.1f} in the steps, "
        f"{1e3 * cpu / wall:.0f} ms of processor time a second"
    )
    stop()


def main() -> None:
    dataset = load_dataset(None, 16)
    model = ModelConfig(d_model=64, vocab_size=dataset.vocab_size)
    session = Session(dataset, model, TrainConfig(steps=10**7, learning_rate=0.005), stand_in=False)
    results: list[str] = []
    if sys.argv[1:] == ["screen"]:
        sys.setswitchinterval(SWITCH_SECONDS)
        app = EetuiApp(session)
        Thread(
            target=measure, args=(session, results, lambda: app.call_from_thread(app.exit, 0))
        ).start()
        app.run()
    else:
        Thread(target=measure, args=(session, results, session.close)).start()
        session.run(publish=lambda _snapshot: None)
    print(*results)


if __name__ == "__main__":
    main()
