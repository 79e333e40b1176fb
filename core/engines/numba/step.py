"""The kernel: training steps from the documents' indices to the updated weights."""

from __future__ import annotations

from typing import Any

from eetui.core.engines.numba.adam import adam_update, give_gradients, pack_head
from eetui.core.engines.numba.attention import attention_backward, attention_forward
from eetui.core.engines.numba.jit_options import kernel
from eetui.core.engines.numba.layers import (
    embed_backward,
    embed_forward,
    norm_backward,
    norm_forward,
    softmax_loss,
)
from eetui.core.engines.numba.machine import out_of_line, ticks
from eetui.core.engines.numba.newton_schulz import muon_update
from eetui.core.engines.numba.products import (
    product_across,
    product_down,
    transpose,
    weight_gradient,
)
from eetui.core.engines.numba.tile import RELU, RELU2, RELU2_BACK, RELU_BACK, STORE
from eetui.core.engines.numba.vectors import (
    count,
    f32_at,
    i32_at,
    i64_at,
    shift,
    splat,
    store,
    u8_at,
)

# Places of base.PHASES in the vector of ticks; the last one is the time of the whole call.
BATCH, NORMS, FORWARD, ATTENTION, LOSS, BACKWARD, WEIGHTS, ADAM, MUON, WHOLE = range(10)
PIECES, ROWS, EXPS, LANES = range(4)  # places of plan.COUNTS in the vector of counts
LINE = 16  # floats of a cache line


@kernel
def lap(plan: Any, phase: int, since: int) -> Any:
    """Book the time since the last lap under `phase`, if the call is profiled."""
    if plan.profile == 0:
        return 0
    now = ticks()
    i64_at(plan.phases)[phase] += now - since
    return now


@kernel
def tally(plan: Any, rows: int, n: int) -> None:
    """Count what a piece of `rows` rows took in vectors of `n`, if the call is profiled.

    Told from the bounds of the kernels' loops: a counter within them costs 3 % at d_model 16.
    """
    if plan.profile == 0:
        return
    vecs = (rows + n - 1) // n
    keys = 0
    for v in range(vecs):
        keys += i64_at(plan.group_back)[v] + 1
    counts = i64_at(plan.counts)
    counts[PIECES] += 1
    counts[ROWS] += rows
    counts[EXPS] += vecs * plan.vocab + plan.n_layers * plan.n_heads * keys
    counts[LANES] = n


@kernel
def leading(rows: int, margin: int) -> int:
    """Floats from one feature to the next: an odd number of cache lines.

    Features at a power of two would fall into few sets of the cache and push each other out.
    """
    return ((rows + 2 * margin + LINE - 1) // LINE | 1) * LINE


@kernel
def assemble(w: Any, plan: Any, documents: Any, first: int) -> Any:
    """Lay documents from `first` on row after row; returns (next document, rows).

    Stops before the document that no longer fits. With padding_skip only predicted positions
    become rows, else all block_size of each document.
    """
    out_of_line()
    n = count(w)
    tokens, lengths = u8_at(plan.tokens), i32_at(plan.lengths)
    token, target = i32_at(plan.row_token), i32_at(plan.row_target)
    place = i32_at(plan.row_place)
    at, rest, weight = f32_at(plan.row_at), f32_at(plan.row_rest), f32_at(plan.row_weight)
    block = plan.block_size
    rows, document = 0, first
    while document < plan.batch:
        index = documents[document]
        length = lengths[index]
        size = length if plan.padding_skip != 0 else block
        if rows + size > plan.max_rows:
            break
        base = index * (block + 1)
        for t in range(size):
            row = rows + t
            token[row] = tokens[base + t]
            target[row] = tokens[base + t + 1]
            place[row] = t
            at[row] = t
            rest[row] = size - 1 - t
            weight[row] = 1.0 if t < length else 0.0
        rows += size
        document += 1
    vecs = (rows + n - 1) // n
    for row in range(rows, vecs * n):
        token[row] = 0
        target[row] = 0
        place[row] = 0
        at[row] = 0.0
        rest[row] = 0.0
        weight[row] = 0.0
    back, ahead = i64_at(plan.group_back), i64_at(plan.group_ahead)
    for v in range(vecs):
        most, least = 0, 0
        for row in range(v * n, v * n + n):
            most = max(most, int(at[row]))
            least = max(least, int(rest[row]))
        back[v] = most
        ahead[v] = least
    return document, rows


@kernel
def forward(w: Any, plan: Any, rows: int, clock: int) -> Any:
    """From the rows' tokens to the logits."""
    out_of_line()
    n = count(w)
    vecs = (rows + n - 1) // n
    d, ff, margin = plan.d_model, 4 * plan.d_model, plan.margin
    ld = leading(vecs * n, margin)
    fast = plan.fast_exp != 0
    tok_emb = f32_at(plan.params)
    pos_emb = shift(tok_emb, plan.vocab * d)
    weights = shift(pos_emb, plan.block_size * d)
    stage = f32_at(plan.stage)
    x0, x = f32_at(plan.x0), f32_at(plan.x)
    embed_forward(
        w, tok_emb, pos_emb, i32_at(plan.row_token), i32_at(plan.row_place), vecs * n, d,
        stage, plan.stage_ld,
    )  # fmt: skip
    transpose(w, stage, plan.stage_ld, x0, ld, vecs * n, d)
    norm_forward(w, x0, x0, f32_at(plan.r0), d, ld, vecs)
    mode = RELU2 if plan.squared != 0 else RELU
    for layer in range(plan.n_layers):
        far = layer * plan.layer_bytes
        n1, n2, qkv = f32_at(plan.n1 + far), f32_at(plan.n2 + far), f32_at(plan.qkv + far)
        att, hid = f32_at(plan.att + far), f32_at(plan.hid + far)
        side = f32_at(plan.side + far)
        source = x0 if layer == 0 else x
        norm_forward(w, source, n1, f32_at(plan.r1 + far), d, ld, vecs)
        clock = lap(plan, NORMS, clock)
        product_down(w, weights, 3 * d, n1, ld, d, qkv, 3 * d, vecs, qkv, False, qkv, STORE)
        clock = lap(plan, FORWARD, clock)
        attention_forward(
            w, qkv, att, f32_at(plan.prob + far), f32_at(plan.row_at), i64_at(plan.group_back),
            d, plan.n_heads, plan.block_size, margin, ld, vecs, fast,
        )  # fmt: skip
        clock = lap(plan, ATTENTION, clock)
        weights = shift(weights, 3 * d * d)
        product_down(w, weights, d, att, ld, d, x, d, vecs, source, True, x, STORE)
        clock = lap(plan, FORWARD, clock)
        norm_forward(w, x, n2, f32_at(plan.r2 + far), d, ld, vecs)
        clock = lap(plan, NORMS, clock)
        weights = shift(weights, d * d)
        product_down(w, weights, ff, n2, ld, d, hid, ff, vecs, hid, False, side, mode)
        weights = shift(weights, d * ff)
        product_down(w, weights, d, hid, ld, ff, x, d, vecs, x, True, x, STORE)
        weights = shift(weights, ff * d)
        clock = lap(plan, FORWARD, clock)
    logits = f32_at(plan.logits)
    tall = (plan.vocab + 3) // 4 * 4
    product_down(
        w, f32_at(plan.lm_packed), plan.head_ld, x, ld, d, logits, tall, vecs, logits, False,
        logits, STORE,
    )  # fmt: skip
    return lap(plan, FORWARD, clock)


@kernel
def backward(w: Any, plan: Any, rows: int, add: bool, clock: int) -> Any:
    """From the gradient of the logits to the gradient of every weight, added to it if `add`."""
    out_of_line()
    n = count(w)
    vecs = (rows + n - 1) // n
    d, ff = plan.d_model, 4 * plan.d_model
    ld, wide, across = leading(vecs * n, plan.margin), plan.stage_ld, plan.grad_ld
    stage, dx, dn = f32_at(plan.stage), f32_at(plan.dx), f32_at(plan.dn)
    datt, dqkv, dhid = f32_at(plan.datt), f32_at(plan.dqkv), f32_at(plan.dhid)
    x0, x, logits = f32_at(plan.x0), f32_at(plan.x), f32_at(plan.logits)
    weights = shift(
        f32_at(plan.params), (plan.vocab + plan.block_size + 12 * plan.n_layers * d) * d
    )
    mode = RELU2_BACK if plan.squared != 0 else RELU_BACK
    product_across(
        w, f32_at(plan.lm_packed), plan.head_ld, logits, ld, plan.vocab, dx, ld, d, vecs, False,
        dx, STORE,
    )  # fmt: skip
    clock = lap(plan, BACKWARD, clock)
    transpose(w, logits, ld, stage, wide, plan.vocab, vecs * n)
    weight_gradient(
        w, x, ld, stage, wide, rows, f32_at(plan.g_head), plan.head_ld, d, plan.vocab, add
    )
    clock = lap(plan, WEIGHTS, clock)
    for layer in range(plan.n_layers - 1, -1, -1):
        far, deep = layer * plan.layer_bytes, layer * plan.layer_grad_bytes
        n1, n2, qkv = f32_at(plan.n1 + far), f32_at(plan.n2 + far), f32_at(plan.qkv + far)
        att, hid = f32_at(plan.att + far), f32_at(plan.hid + far)
        side = f32_at(plan.side + far)

        transpose(w, dx, ld, stage, wide, d, vecs * n)
        weight_gradient(
            w, hid, ld, stage, wide, rows, f32_at(plan.g_contract + deep), across, ff, d, add
        )
        clock = lap(plan, WEIGHTS, clock)
        weights = shift(weights, -ff * d)
        product_across(w, weights, d, dx, ld, d, dhid, ld, ff, vecs, False, side, mode)
        clock = lap(plan, BACKWARD, clock)
        transpose(w, n2, ld, stage, wide, d, vecs * n)
        weight_gradient(
            w, dhid, ld, stage, wide, rows, f32_at(plan.g_expand + deep), across, ff, d, add
        )
        clock = lap(plan, WEIGHTS, clock)
        weights = shift(weights, -ff * d)
        product_across(w, weights, ff, dhid, ld, ff, dn, ld, d, vecs, False, dn, STORE)
        clock = lap(plan, BACKWARD, clock)
        norm_backward(w, dn, n2, f32_at(plan.r2 + far), dx, True, d, ld, vecs)
        clock = lap(plan, NORMS, clock)

        transpose(w, dx, ld, stage, wide, d, vecs * n)
        weight_gradient(w, att, ld, stage, wide, rows, f32_at(plan.g_out + deep), across, d, d, add)
        clock = lap(plan, WEIGHTS, clock)
        weights = shift(weights, -d * d)
        product_across(w, weights, d, dx, ld, d, datt, ld, d, vecs, False, datt, STORE)
        clock = lap(plan, BACKWARD, clock)
        attention_backward(
            w, qkv, f32_at(plan.prob + far), datt, dqkv, f32_at(plan.dscore), stage,
            f32_at(plan.row_rest), i64_at(plan.group_back), i64_at(plan.group_ahead), d,
            plan.n_heads, plan.block_size, plan.margin, ld, vecs,
        )  # fmt: skip
        clock = lap(plan, ATTENTION, clock)
        transpose(w, n1, ld, stage, wide, d, vecs * n)
        weight_gradient(
            w, dqkv, ld, stage, wide, rows, f32_at(plan.g_qkv + deep), across, 3 * d, d, add
        )
        clock = lap(plan, WEIGHTS, clock)
        weights = shift(weights, -3 * d * d)
        product_across(w, weights, 3 * d, dqkv, ld, 3 * d, dn, ld, d, vecs, False, dn, STORE)
        clock = lap(plan, BACKWARD, clock)
        norm_backward(w, dn, n1, f32_at(plan.r1 + far), dx, True, d, ld, vecs)
        clock = lap(plan, NORMS, clock)
    norm_backward(w, dx, x0, f32_at(plan.r0), dx, False, d, ld, vecs)
    transpose(w, dx, ld, stage, wide, d, vecs * n)
    embed_backward(
        w, f32_at(plan.g_tok), f32_at(plan.g_pos), across, i32_at(plan.row_token),
        i32_at(plan.row_place), rows, d, stage, wide,
    )  # fmt: skip
    return lap(plan, NORMS, clock)


@kernel
def clear_embedding_gradients(w: Any, plan: Any) -> None:
    """Zero the two gradients that rows are added to."""
    g_tok, g_pos = f32_at(plan.g_tok), f32_at(plan.g_pos)
    for i in range(0, plan.vocab * plan.grad_ld, count(w)):
        store(g_tok, i, splat(w, 0.0))
    for i in range(0, plan.block_size * plan.grad_ld, count(w)):
        store(g_pos, i, splat(w, 0.0))


@kernel
def one_step(w: Any, plan: Any, index: int, clock: int) -> Any:
    """Loss of row `index` of the documents, and its gradients and the update if asked for."""
    out_of_line()
    n = count(w)
    lengths = i32_at(plan.lengths)
    documents = i32_at(plan.documents + 4 * index * plan.batch)
    predicted = 0
    for i in range(plan.batch):
        predicted += lengths[documents[i]]
    scale = 1.0 / predicted
    clear_embedding_gradients(w, plan)
    loss = 0.0
    document = 0
    while document < plan.batch:
        add = document > 0
        document, rows = assemble(w, plan, documents, document)
        clock = lap(plan, BATCH, clock)
        clock = forward(w, plan, rows, clock)
        vecs = (rows + n - 1) // n
        loss += softmax_loss(
            w, f32_at(plan.logits), i32_at(plan.row_target), f32_at(plan.row_weight),
            f32_at(plan.row_top), f32_at(plan.row_sum), plan.vocab, rows,
            leading(vecs * n, plan.margin), vecs, scale, plan.fast_exp != 0,
        )  # fmt: skip
        tally(plan, rows, n)
        clock = lap(plan, LOSS, clock)
        if plan.forward_only == 0:
            clock = backward(w, plan, rows, add, clock)
    f32_at(plan.losses)[index] = loss * scale
    if plan.update != 0:
        rate = f32_at(plan.learning_rates)[index]
        adam_update(w, plan, rate, plan.step + index + 1)
        pack_head(w, plan)
        if plan.muon != 0:
            clock = lap(plan, ADAM, clock)
            muon_update(w, plan, rate)
            return lap(plan, MUON, clock)
    elif plan.forward_only == 0:
        give_gradients(w, plan)
    return lap(plan, ADAM, clock)


@kernel
def all_steps(w: Any, plan: Any) -> None:
    """Every step of the call, and the ticks of the whole."""
    out_of_line()
    begin = ticks()
    pack_head(w, plan)
    clock = lap(plan, ADAM, begin)
    for index in range(plan.n_steps):
        clock = one_step(w, plan, index, clock)
    lap(plan, WHOLE, begin)
