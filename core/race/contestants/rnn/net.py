"""The recurrent nets of brief-ds on autograd variables.

h = relu(h M + token P + position Q), logits = h L; the sparse one fires only the k largest of h,
h = relu(h + h[top k] M[top k] + token P + position Q). Both are those of
https://www.brief-ds.com/2026/03/16/gpt2.html.

S n_state, E n_embd, T positions, V vocabulary.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eetui.core.race.contestants.vector.autograd import Array, Variable, stack

N_STATE, N_EMBD = 32, 16

Weights = dict[str, Variable]


def shapes(vocab: int, block_size: int) -> dict[str, tuple[int, int]]:
    """The matrices in the order in which they are drawn and lie in the flat weights."""
    return {
        "wte": (vocab, N_EMBD),
        "wpe": (block_size, N_EMBD),
        "m": (N_STATE, N_STATE),
        "token_proj": (N_EMBD, N_STATE),
        "pos_proj": (N_EMBD, N_STATE),
        "lm_head": (N_STATE, vocab),
    }


def cut(flat: Array, sizes: dict[str, tuple[int, int]]) -> dict[str, Array]:
    """The named matrices of a flat vector."""
    ends = np.cumsum([rows * cols for rows, cols in sizes.values()])
    parts = np.split(flat, ends[:-1])
    return {name: part.reshape(sizes[name]) for name, part in zip(sizes, parts, strict=True)}


def next_state(w: Weights, h: Variable | None, token: int, place: int, n_fired: int) -> Variable:
    """The state [S] after `token` at `place`; h is None before the first."""
    seen = w["wte"][token] @ w["token_proj"] + w["wpe"][place] @ w["pos_proj"]
    if h is None:  # A state of zeros adds nothing.
        return seen.relu()
    if not n_fired:
        return (h @ w["m"] + seen).relu()
    fired = np.argpartition(h.data, -n_fired)[-n_fired:]
    return (h + h[fired] @ w["m"][fired] + seen).relu()


def document_loss(w: Weights, tokens: NDArray[np.uint8], n_fired: int) -> Variable:
    """Mean -log p (nats) of tokens[1:], each from those before it."""
    h, losses = None, []
    for place, (token, target) in enumerate(pairwise(tokens)):
        h = next_state(w, h, token, place, n_fired)
        p = (h @ w["lm_head"]).softmax()
        losses.append(p[target].log() * -1.0)
    return stack(losses).mean()
