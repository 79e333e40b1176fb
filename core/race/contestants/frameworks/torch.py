"""PyTorch: eager and compiled, on the CPU and on CUDA or MPS."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig
from eetui.core.model.reference import RMS_EPS
from eetui.core.model.state import Vector, layout, views
from eetui.core.race.contestant import Task
from eetui.core.race.contestants.frameworks.shared import FrameworkLearner, missing

if TYPE_CHECKING:
    from torch import Tensor, device

Weights = dict[str, "Tensor"]

WARM_UP_STEPS = 3
"""Steps that compile and record what the following ones repeat; their effect is undone."""


def forward(w: Weights, model: ModelConfig, inputs: Tensor) -> Tensor:
    """Logits [B, T, V] of padded documents [B, T]."""
    from torch.nn.functional import relu, rms_norm, scaled_dot_product_attention

    def norm(x: Tensor) -> Tensor:
        return rms_norm(x, (model.d_model,), eps=RMS_EPS)

    batch, positions = inputs.shape
    x = norm(w["tok_emb"][inputs] + w["pos_emb"][:positions])
    for i in range(model.n_layers):
        layer = f"layers.{i}."
        qkv = (norm(x) @ w[layer + "w_qkv"]).view(batch, positions, 3, model.n_heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # [B, H, T, D / H] each
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + mixed.transpose(1, 2).reshape(batch, positions, -1) @ w[layer + "w_out"]
        hidden = relu(norm(x) @ w[layer + "w_expand"])
        hidden = hidden.square() if model.activation == "relu2" else hidden
        x = x + hidden @ w[layer + "w_contract"]
    return x @ w["lm_head"]


def loss_of(w: Weights, model: ModelConfig, tokens: Tensor, targets: Tensor) -> Tensor:
    """The mean loss of tokens [B, T] before targets [B, T], in which -1 is padding."""
    from torch.nn.functional import cross_entropy

    logits = forward(w, model, tokens)
    return cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


class TorchContestant:
    """PyTorch with its autograd, its attention and its fused Adam, one thread on the CPU."""

    model = ""
    extra = "torch"

    def __init__(self, name: str, summary: str, compiled: bool = False, gpu: bool = False) -> None:
        self.name = name
        self.summary = summary
        self._compiled = compiled
        self._gpu = gpu

    def why_not(self) -> str:
        """Empty, or what is missing: PyTorch, a GPU that it can use, or a compiler."""
        if reason := missing("torch", "torch"):
            return reason
        if self._gpu and gpu() is None:
            return "PyTorch finds no CUDA and no MPS device here."
        if self._compiled and not self._gpu and not shutil.which("c++"):
            return "torch.compile needs a C++ compiler called c++ on the PATH: install one."
        return ""

    def start(self, task: Task) -> TorchLearner:
        """Move data and weights to the device and compile."""
        import torch

        place = gpu() if self._gpu else None
        return TorchLearner(task, place or torch.device("cpu"), self._compiled)


def gpu() -> device | None:
    """The GPU that PyTorch can use here, or None."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps") if torch.backends.mps.is_available() else None


class TorchLearner(FrameworkLearner):
    """Weights, optimizer and the whole data set on one device."""

    def __init__(self, task: Task, place: device, compiled: bool) -> None:
        import torch

        super().__init__(task)
        torch.set_num_threads(1)
        on_cuda = place.type == "cuda"
        name = torch.cuda.get_device_name(place) if on_cuda else place.type.upper()
        self.detail = f"PyTorch {torch.__version__.partition('+')[0]} on {name}"
        self._place = place
        data = task.dataset
        tokens = torch.tensor(data.tokens, dtype=torch.long, device=place)
        self._inputs, self._targets = tokens[:, :-1].contiguous(), tokens[:, 1:].clone()
        real = np.arange(data.block_size) < data.lengths[:, None]
        self._targets[torch.tensor(~real, device=place)] = -1
        self._w: Weights = {
            name: torch.tensor(matrix, dtype=torch.float32, device=place, requires_grad=True)
            for name, matrix in views(task.model, task.initial).items()
        }
        betas = (task.train.beta1, task.train.beta2)
        self._adam = torch.optim.Adam(
            [*self._w.values()], lr=1.0, betas=betas, eps=task.train.eps, fused=True
        )
        # With CUDA graphs, where there is CUDA: PyTorch's own answer to the cost of launches.
        mode = "reduce-overhead" if on_cuda else "default"
        self._loss = torch.compile(loss_of, mode=mode) if compiled else loss_of
        self._warm_up()

    def _warm_up(self) -> None:
        """Run and undo a few steps, which is what makes the framework load and compile."""
        import torch

        before = {name: weight.detach().clone() for name, weight in self._w.items()}
        rows = self.task.documents(0, WARM_UP_STEPS, self.batch)
        self.steps(rows, np.zeros(WARM_UP_STEPS, np.float32))
        with torch.no_grad():
            for name, weight in self._w.items():
                weight.copy_(before[name])
        self._adam.state.clear()

    def _backward(self, documents: Tensor) -> Tensor:
        """The loss of a batch, whose gradients are then those of the weights."""
        inputs, targets = self._inputs[documents], self._targets[documents]
        self._adam.zero_grad()
        loss = self._loss(self._w, self.task.model, inputs, targets)
        loss.backward()
        return loss.detach()

    def steps(
        self, documents: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """One step a row; the losses stay on the device until the last one is there."""
        import torch

        rows = torch.tensor(documents, dtype=torch.long, device=self._place)
        losses = torch.empty(len(rates), device=self._place)
        for i, rate in enumerate(rates.tolist()):
            losses[i] = self._backward(rows[i])
            self._adam.param_groups[0]["lr"] = rate
            self._adam.step()
        return np.asarray(losses.cpu().numpy())

    def gradients(self, documents: NDArray[np.int32]) -> tuple[float, Vector]:
        import torch

        rows = torch.tensor(documents, dtype=torch.long, device=self._place)
        loss = float(self._backward(rows))
        return loss, self._flat({name: w.grad for name, w in self._w.items() if w.grad is not None})

    def params(self) -> Vector:
        return self._flat({name: weight.detach() for name, weight in self._w.items()})

    def _flat(self, matrices: Weights) -> Vector:
        parts = [matrices[tensor.name].cpu().numpy() for tensor in layout(self.task.model)]
        return np.concatenate([part.reshape(-1) for part in parts])


TORCH = TorchContestant("torch", "PyTorch, an operation at a time: autograd on tensors, batches.")
TORCH_COMPILE = TorchContestant(
    "torch-compile", "PyTorch with the loss and its gradients compiled into one.", compiled=True
)
TORCH_GPU = TorchContestant("torch+gpu", "PyTorch on the GPU, a launch an operation.", gpu=True)
TORCH_COMPILE_GPU = TorchContestant(
    "torch-compile+gpu", "PyTorch compiled, with CUDA graphs on CUDA.", compiled=True, gpu=True
)
