"""The memory of the kernels: scratch buffers and the plan that tells the kernel where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig
from eetui.core.engines.numba.plan import FIELDS, FLOATS, INDEX, ROWS, TENSOR_FIELDS
from eetui.core.model.state import aligned_zeros, layout

LINE = 16
"""Floats of a cache line; also the widest vector, so padding to it suits every width."""

MAX_ROWS = 256
"""Rows worked on at once. A larger batch goes through in pieces whose gradients are summed, so
the scratch stays small enough for the cache whatever the batch."""

FLOAT_BYTES = 4


def padded(n: int) -> int:
    """n rounded up to whole cache lines of floats."""
    return -(-n // LINE) * LINE


def odd_lines(n: int) -> int:
    """n rounded up to an odd number of cache lines of floats."""
    return (-(-n // LINE) | 1) * LINE


class _Arena:
    """Hands out aligned pieces of one block: first counted, then placed."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}

    def add(self, name: str, n_floats: int) -> None:
        self.sizes[name] = odd_lines(n_floats)

    @property
    def total(self) -> int:
        return sum(self.sizes.values())

    def place(self, start: int) -> dict[str, int]:
        out = {}
        for name, size in self.sizes.items():
            out[name] = start
            start += size * FLOAT_BYTES
        return out


class Workspace:
    """Scratch for one model shape, allocated once: a step allocates nothing.

    `plan` is the int64 vector that the kernel reads. Nothing in here decides a result: whatever
    a step reads, it or the call has written before.
    """

    def __init__(self, model: ModelConfig) -> None:
        self.model = model
        d, block, heads = model.d_model, model.block_size, model.n_heads
        vocab, layers = model.vocab_size, model.n_layers
        margin = padded(block)
        ld = odd_lines(MAX_ROWS + 2 * margin)
        dp, wide, head = padded(d), odd_lines(padded(max(d, vocab))), padded(vocab)

        shared, layer, grads = _Arena(), _Arena(), _Arena()
        for name in (*ROWS, "group_back", "group_ahead"):
            shared.add(name, 2 * (MAX_ROWS + LINE))
        for name in ("x0", "x", "dx", "dn", "datt"):
            shared.add(name, padded(d) * ld + 2 * margin)
        shared.add("dqkv", padded(3 * d) * ld + 2 * margin)
        shared.add("dhid", 4 * dp * ld + 2 * margin)
        shared.add("dscore", block * ld + 2 * margin)
        shared.add("logits", head * ld + 2 * margin)
        shared.add("r0", ld + 2 * margin)
        shared.add("stage", (MAX_ROWS + LINE) * wide)
        shared.add("lm_packed", d * head)
        shared.add("transposed", dp * 4 * dp)
        across, flat = odd_lines(dp), odd_lines(4 * dp)
        for name, rows in (("muon_y", 4 * dp), ("muon_next", 4 * dp)):
            shared.add(name, (rows + 1) * across)  # a row more, for a sum
        for name in ("muon_gram", "muon_square"):
            shared.add(name, dp * across)
        shared.add("muon_flat", (dp + 1) * flat)
        shared.add("g_tok", vocab * dp)
        shared.add("g_pos", block * dp)
        shared.add("g_head", d * head)
        for name in ("n1", "att", "n2"):
            layer.add(name, dp * ld + 2 * margin)
        for name in ("r1", "r2"):
            layer.add(name, ld + 2 * margin)
        layer.add("qkv", padded(3 * d) * ld + 2 * margin)
        layer.add("hid", 4 * dp * ld + 2 * margin)
        if model.activation == "relu2":
            layer.add("side", 4 * dp * ld + 2 * margin)
        layer.add("prob", heads * block * ld + 2 * margin)
        for name, rows in (("g_qkv", 3 * d), ("g_out", d), ("g_expand", 4 * d)):
            grads.add(name, padded(rows) * dp)
        grads.add("g_contract", 4 * d * dp)

        total = shared.total + layers * (layer.total + grads.total)
        self.arena = aligned_zeros(total)
        base = self.arena.ctypes.data
        first_layer = base + shared.total * FLOAT_BYTES
        first_grad = first_layer + layers * layer.total * FLOAT_BYTES
        places = shared.place(base) | layer.place(first_layer) | grads.place(first_grad)
        for name in ("x0", "x", "dx", "dn", "datt", "dqkv", "dhid", "dscore", "logits", "r0",
                     "n1", "att", "n2", "r1", "r2", "qkv", "hid", "side", "prob"):  # fmt: skip
            if name in places:
                places[name] += margin * FLOAT_BYTES
        places.setdefault("side", places["hid"])

        self.plan: NDArray[np.int64] = np.zeros(len(FIELDS), np.int64)
        self._floats = self.plan.view(np.float64)
        self.tensors = self._table(places, grads.total * FLOAT_BYTES, dp, head)
        self.set(
            d_model=d, n_heads=heads, n_layers=layers, block_size=block, vocab=vocab,
            squared=model.activation == "relu2", max_rows=MAX_ROWS, margin=margin, stage_ld=wide,
            head_ld=head, grad_ld=dp, muon_ld=across, muon_flat_ld=flat,
            layer_bytes=layer.total * FLOAT_BYTES,
            layer_grad_bytes=grads.total * FLOAT_BYTES, n_tensors=len(self.tensors),
            tensors=self.tensors.ctypes.data, **places,
        )  # fmt: skip

    def set(self, **values: Any) -> None:
        """Write fields of the plan."""
        for name, value in values.items():
            target = self._floats if name in FLOATS else self.plan
            target[INDEX[name]] = value

    def _table(
        self, places: dict[str, int], layer_bytes: int, dp: int, head: int
    ) -> NDArray[np.int64]:
        """The table of tensors that Adam walks: see the TENSOR_ fields of plan.py."""
        short = {
            "tok_emb": ("g_tok", dp, 0),
            "pos_emb": ("g_pos", dp, 0),
            "w_qkv": ("g_qkv", padded(3 * self.model.d_model), dp),
            "w_out": ("g_out", dp, 0),
            "w_expand": ("g_expand", padded(4 * self.model.d_model), dp),
            "w_contract": ("g_contract", dp, 0),
            "lm_head": ("g_head", head, 0),
        }
        table = np.zeros((len(layout(self.model)), TENSOR_FIELDS), np.int64)
        for row, tensor in zip(table, layout(self.model), strict=True):
            _, _, rest = tensor.name.partition(".")
            index, _, name = rest.partition(".")
            grad, ld, transposed = short[name or tensor.name]
            far = int(index) * layer_bytes if name else 0
            row[:] = (tensor.offset, *tensor.shape, places[grad] + far, ld, transposed)
        return table
