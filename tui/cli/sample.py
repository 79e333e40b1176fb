"""`eetui sample`: names from a checkpoint."""

from __future__ import annotations

from eetui.core.data.dataset import load_dataset
from eetui.core.engines import registry
from eetui.core.errors import UsageError
from eetui.core.run import checkpoint
from eetui.tui.cli.output import print_json, print_text

MAX_SAMPLES = 100_000


def run(
    load: str | None,
    n: int,
    temperature: float,
    prefix: str,
    seed: int,
    data: str | None,
    *,
    as_json: bool = False,
) -> int:
    """Print n generated documents, one a line or as one JSON object; gives the exit code."""
    if load is None:
        raise UsageError("eetui sample needs a checkpoint: --load FILE, from eetui train --save.")
    if not 1 <= n <= MAX_SAMPLES:
        raise UsageError(f"--n must be between 1 and {MAX_SAMPLES:,}, not {n}.")
    if seed < 0:
        raise UsageError(f"--seed must be at least 0, not {seed}.")
    loaded = checkpoint.load(load)
    dataset = load_dataset(data, loaded.model.block_size)
    loaded.require_vocabulary(dataset.vocabulary, dataset.name)
    engine = registry.create(registry.default())
    params, model = loaded.state.params, loaded.model
    names = engine.generate(params, model, dataset, n, temperature, prefix, seed)
    known = dataset.documents
    if as_json:
        print_json(
            {
                "step": loaded.state.step,
                "temperature": temperature,
                "prefix": prefix,
                "seed": seed,
                "samples": names,
                "new": None if known is None else [name not in known for name in names],
            }
        )
    else:
        for name in names:
            print_text(name)
    return 0
