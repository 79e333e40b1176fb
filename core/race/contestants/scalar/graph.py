"""How large a graph scalar autograd makes of a document."""

from __future__ import annotations

import numpy as np

from eetui.core.config import ModelConfig
from eetui.core.errors import UsageError
from eetui.core.race.contestant import Task
from eetui.core.race.contestants.scalar.pure_python import graph_size


def mean_graph_size(task: Task) -> int:
    """Nodes of the graph of a mean document of the task's data set, the weights among them."""
    n_docs = np.bincount(task.dataset.lengths)
    nodes = sum(int(n) * graph_size(task.model, size) for size, n in enumerate(n_docs) if n)
    return task.model.n_params + round(nodes / task.dataset.n_docs)


def require_small_graph(name: str, model: ModelConfig, limit: int) -> None:
    """Raise `UsageError` if the longest document's graph has more than `limit` nodes."""
    nodes = model.n_params + graph_size(model, model.block_size)
    if nodes > limit:
        raise UsageError(
            f"A document of {model.block_size} positions is a graph of {nodes:,} numbers, and "
            f"{name} can hold {limit:,}: choose a smaller d_model, n_layers or block_size."
        )
