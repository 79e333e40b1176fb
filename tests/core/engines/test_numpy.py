"""What the NumPy engine has of its own: the reference's code, and NumPy's library below it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.model import reference
from eetui.core.model.state import TrainState


def test_it_says_what_computes_its_products() -> None:
    engine = registry.create("numpy")
    assert engine.instruction_set(engine.default_optimizations()).startswith("NumPy + ")


@pytest.mark.parametrize("skip", [True, False])
def test_padding_is_computed_only_without_padding_skip(
    names: Dataset, monkeypatch: pytest.MonkeyPatch, skip: bool
) -> None:
    rows: list[int] = []
    embed = reference.forward

    def counted(w: Any, model: ModelConfig, inputs: Any, places: Any) -> Any:
        rows.append(len(places))
        return embed(w, model, inputs, places)

    monkeypatch.setattr(reference, "forward", counted)
    model, documents = ModelConfig(d_model=16), np.arange(20, dtype=np.int32)
    engine = registry.create("numpy")
    on = engine.default_optimizations().with_value("padding_skip", skip)
    engine.gradients(TrainState.create(model, 1), names, model, on, documents)
    assert rows == [int(names.lengths[:20].sum()) if skip else 20 * model.block_size]
