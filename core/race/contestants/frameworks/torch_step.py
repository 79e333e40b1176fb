"""The transformer and its loss in PyTorch, and a whole step of training to be compiled.

B documents, T positions, D d_model, H heads, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import (
    cross_entropy,
    embedding,
    relu,
    scaled_dot_product_attention,
    softmax,
)

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.model.reference import RMS_EPS

Weights = dict[str, Tensor]
Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From queries, keys and values [B, H, T, D / H] to what the heads see [B, H, T, D / H]."""


def fused_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """PyTorch's own kernel, which is the fastest one a call at a time."""
    return scaled_dot_product_attention(q, k, v, is_causal=True)


def written_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Written as sums of products, which a compiler fuses with the softmax between them."""
    positions = q.shape[2]
    future = torch.ones(positions, positions, dtype=torch.bool, device=q.device).triu(1)
    scores = (q.unsqueeze(3) * k.unsqueeze(2)).sum(-1) * q.shape[3] ** -0.5
    shares = softmax(scores.masked_fill(future, -torch.inf), -1)
    return (shares.unsqueeze(-1) * v.unsqueeze(2)).sum(3)


def rms_norm(x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + RMS_EPS)


def forward(w: Weights, model: ModelConfig, inputs: Tensor, attention: Attention) -> Tensor:
    """Logits [B T, V] of padded documents [B, T], whose positions are the rows of all products."""
    batch, positions = inputs.shape
    x = embedding(inputs, w["tok_emb"]) + w["pos_emb"][:positions]
    x = rms_norm(x.view(-1, model.d_model))
    for i in range(model.n_layers):
        layer = f"layers.{i}."
        qkv = torch.mm(rms_norm(x), w[layer + "w_qkv"])
        qkv = qkv.view(batch, positions, 3, model.n_heads, -1).permute(2, 0, 3, 1, 4)
        mixed = attention(*qkv.unbind(0)).transpose(1, 2).reshape(-1, model.d_model)
        x = torch.addmm(x, mixed, w[layer + "w_out"])
        hidden = relu(torch.mm(rms_norm(x), w[layer + "w_expand"]))
        hidden = hidden.square() if model.activation == "relu2" else hidden
        x = torch.addmm(x, hidden, w[layer + "w_contract"])
    return torch.mm(x, w["lm_head"])


def loss_of(
    w: Weights, model: ModelConfig, attention: Attention, inputs: Tensor, targets: Tensor
) -> Tensor:
    """The mean loss of tokens [B, T] before targets [B, T], in which -1 is padding."""
    logits = forward(w, model, inputs, attention)
    return cross_entropy(logits, targets.reshape(-1), ignore_index=-1)


def whole_step(model: ModelConfig, train: TrainConfig) -> Callable[..., Tensor]:
    """A step with Adam as one function without side effects but on its state, so that all of it,
    gradients and update, compiles into one program.

    It takes weights and both moments, which it changes, inputs and targets [n_docs, block_size],
    the documents [B], the positions T to look at, and two factors [2] of the update: the learning
    rate and 1, each over its moment's correction of bias. It gives the loss before the update.
    """
    gradients_and_loss: Any = torch.func.grad_and_value(loss_of)

    def step(
        w: Weights, m: Weights, v: Weights,
        inputs: Tensor, targets: Tensor, documents: Tensor, positions: int, factors: Tensor,
    ) -> Tensor:  # fmt: skip
        batch = (inputs[documents, :positions], targets[documents, :positions])
        grads, loss = gradients_and_loss(w, model, written_attention, *batch)
        for name, g in grads.items():
            m[name].mul_(train.beta1).add_(g, alpha=1 - train.beta1)
            v[name].mul_(train.beta2).addcmul_(g, g, value=1 - train.beta2)
            w[name].sub_(factors[0] * m[name] / ((v[name] * factors[1]).sqrt() + train.eps))
        return loss

    return step
