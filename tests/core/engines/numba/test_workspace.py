"""The scratch memory: every buffer has room for what the kernels write, and no more."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.engines.numba.plan import FIELDS, ROWS
from eetui.core.engines.numba.workspace import Workspace, odd_lines, padded
from eetui.core.model.state import layout

ROWS_AT_ONCE = 256
SHAPES = [
    ModelConfig(d_model=16),
    ModelConfig(d_model=4, n_heads=1, n_layers=3, block_size=2, vocab_size=2),
    ModelConfig(d_model=20, n_heads=2, n_layers=2, block_size=33, vocab_size=256),
    ModelConfig(d_model=128, n_heads=8, activation="relu2"),
]


def fields(workspace: Workspace) -> dict[str, int]:
    return dict(zip(FIELDS, workspace.plan.tolist(), strict=True))


def lines(floats: int) -> int:
    """Cache lines of 16 floats."""
    return -(-floats // 16)


def test_sizes_are_rounded_up_to_cache_lines() -> None:
    assert [padded(n) for n in (0, 1, 16, 17, 32)] == [0, 16, 16, 32, 32]
    assert [odd_lines(n) for n in (1, 16, 17, 32, 33, 48, 49)] == [16, 16, 48, 48, 48, 48, 80]


@pytest.mark.parametrize("model", SHAPES, ids=str)
def test_no_buffer_reaches_into_another(model: ModelConfig) -> None:
    """Each row of a matrix has all positions and, before and after them, a margin."""
    workspace = Workspace(model)
    plan = fields(workspace)
    d, h, block, vocab = model.d_model, model.n_heads, model.block_size, model.vocab_size
    margin = 16 * lines(block)
    row = 16 * (lines(ROWS_AT_ONCE + 2 * margin) | 1)
    assert (plan["margin"], plan["max_rows"]) == (margin, ROWS_AT_ONCE)
    assert plan["stage_ld"] == 16 * (lines(max(d, vocab)) | 1)
    assert (plan["head_ld"], plan["grad_ld"]) == (16 * lines(vocab), 16 * lines(d))
    assert (plan["muon_ld"], plan["muon_flat_ld"]) == (
        16 * (lines(16 * lines(d)) | 1),
        16 * (lines(64 * lines(d)) | 1),
    )

    def whole(n: int) -> int:
        return 16 * lines(n)

    d16 = whole(d)
    on_margins = {
        **dict.fromkeys(("x0", "x", "dx", "dn", "datt", "n1", "att", "n2"), d16),
        "dqkv": whole(3 * d), "dhid": 4 * d16, "dscore": block, "logits": whole(vocab),
        "r0": 1, "r1": 1, "r2": 1, "qkv": whole(3 * d), "hid": 4 * d16, "prob": h * block,
    }  # fmt: skip
    if model.activation == "relu2":
        on_margins["side"] = 4 * d16
    else:
        assert plan["side"] == plan["hid"]
    own = {
        **dict.fromkeys((*ROWS, "group_back", "group_ahead"), 2 * (ROWS_AT_ONCE + 16)),
        "stage": (ROWS_AT_ONCE + 16) * plan["stage_ld"],
        "lm_packed": d * plan["head_ld"],
        "transposed": 4 * d16 * d16,
        "muon_y": (4 * d16 + 1) * plan["muon_ld"],
        "muon_next": (4 * d16 + 1) * plan["muon_ld"],
        "muon_gram": d16 * plan["muon_ld"],
        "muon_square": d16 * plan["muon_ld"],
        "muon_flat": (d16 + 1) * plan["muon_flat_ld"],
        "g_tok": vocab * d16,
        "g_pos": block * d16,
        "g_head": d * plan["head_ld"],
    }
    grads = {
        "g_qkv": whole(3 * d) * d16, "g_out": d16 * d16, "g_expand": whole(4 * d) * d16,
        "g_contract": 4 * d * d16,
    }  # fmt: skip
    layers = ("n1", "att", "n2", "r1", "r2", "qkv", "hid", "side", "prob")
    begin = workspace.arena.ctypes.data
    end = begin + workspace.arena.nbytes
    used = []
    for name, n in {**own, **grads, **on_margins}.items():
        before = 4 * margin if name in on_margins else 0
        floats = n * row + 2 * margin if name in on_margins else n
        room = 64 * (lines(floats) | 1)  # an odd number of lines spreads them over the cache
        assert (plan[name] - before) % 64 == 0, name
        far = plan["layer_grad_bytes"] if name in grads else plan["layer_bytes"]
        many = model.n_layers if name in grads or name in layers else 1
        used += [
            (plan[name] - before + i * far, plan[name] - before + i * far + room)
            for i in range(many)
        ]
    used.sort()
    assert all(last <= first for (_, last), (first, _) in pairwise(used))
    assert (used[0][0], used[-1][1]) == (begin, end)
    assert sum(last - first for first, last in used) == end - begin


@pytest.mark.parametrize("model", SHAPES, ids=str)
def test_the_table_of_tensors_is_that_of_the_state(model: ModelConfig) -> None:
    workspace = Workspace(model)
    plan = fields(workspace)
    d16 = padded(model.d_model)
    rows = {  # the gradient, the length of its rows, and the width if it lies transposed
        "tok_emb": ("g_tok", d16, 0), "pos_emb": ("g_pos", d16, 0),
        "w_qkv": ("g_qkv", padded(3 * model.d_model), d16), "w_out": ("g_out", d16, 0),
        "w_expand": ("g_expand", padded(4 * model.d_model), d16),
        "w_contract": ("g_contract", d16, 0), "lm_head": ("g_head", padded(model.vocab_size), 0),
    }  # fmt: skip
    assert plan["n_tensors"] == len(workspace.tensors) == len(layout(model))
    for found, tensor in zip(workspace.tensors.tolist(), layout(model), strict=True):
        name = tensor.name.rpartition(".")[2]
        layer = int(tensor.name.split(".")[1]) if "." in tensor.name else 0
        grad, length, transposed = rows[name]
        place = plan[grad] + layer * plan["layer_grad_bytes"]
        assert found == [tensor.offset, *tensor.shape, place, length, transposed]
    assert [plan[key] for key in ("d_model", "n_heads", "n_layers", "block_size", "vocab")] == [
        model.d_model, model.n_heads, model.n_layers, model.block_size, model.vocab_size,
    ]  # fmt: skip
    assert plan["squared"] == (model.activation == "relu2")


def test_fractions_are_written_as_such() -> None:
    workspace = Workspace(SHAPES[0])
    workspace.set(beta1=0.85, batch=7)
    assert fields(workspace)["batch"] == 7
    assert workspace.plan.view(np.float64)[FIELDS.index("beta1")] == 0.85
