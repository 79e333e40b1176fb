"""The fields of a plan: everything that one kernel call needs, in one int64 vector.

Shapes and flags are numbers, buffers are addresses. Passing one address keeps the call cheap and
the kernel's signature the same for every shape, so that one compilation serves them all.
"""

from __future__ import annotations

SHAPE = ("d_model", "n_heads", "n_layers", "block_size", "vocab")
FLAGS = ("padding_skip", "fast_exp", "squared", "profile", "update", "forward_only", "muon")
CALL = (
    "n_steps",
    "batch",
    "step",
    "params",
    "m",
    "v",
    "grads",
    "tokens",
    "lengths",
    "documents",
    "learning_rates",
    "losses",
    "phases",
    "counts",
)
COUNTS = ("pieces", "rows", "exp_vectors", "lanes")
"""What a profiled call counts: parts in which batches went through the model, positions that were
computed, vectors of numbers that exp was taken of, and numbers in a vector."""
FLOATS = ("beta1", "beta2", "eps")
CAPACITY = (
    "max_rows",
    "margin",
    "stage_ld",
    "head_ld",
    "grad_ld",
    "layer_bytes",
    "layer_grad_bytes",
    "n_tensors",
    "muon_ld",
    "muon_flat_ld",
)
ROWS = (
    "row_token",
    "row_target",
    "row_place",
    "row_at",
    "row_rest",
    "row_weight",
    "row_top",
    "row_sum",
)
GROUPS = ("group_back", "group_ahead")
SHARED = ("x0", "r0", "x", "dx", "dn", "datt", "dqkv", "dhid", "dscore", "logits", "stage")
LAYER = ("n1", "r1", "qkv", "prob", "att", "n2", "r2", "side", "hid")
MUON = ("muon_y", "muon_next", "muon_gram", "muon_square", "muon_flat")
WEIGHTS = ("lm_packed", "transposed", "tensors")
GRADIENTS = ("g_tok", "g_pos", "g_qkv", "g_out", "g_expand", "g_contract", "g_head")

FIELDS = (
    *SHAPE,
    *FLAGS,
    *CALL,
    *FLOATS,
    *CAPACITY,
    *ROWS,
    *GROUPS,
    *SHARED,
    *LAYER,
    *MUON,
    *WEIGHTS,
    *GRADIENTS,
)
INDEX = {name: i for i, name in enumerate(FIELDS)}

# One row of the table of tensors, in the order of state.layout.
TENSOR_OFFSET, TENSOR_ROWS, TENSOR_COLS, TENSOR_GRAD, TENSOR_LD, TENSOR_TRANSPOSED = range(6)
TENSOR_FIELDS = 6
