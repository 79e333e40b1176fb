"""PyTorch: eager and compiled, on the CPU and on CUDA or MPS."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eetui.core.model.state import Vector, layout, views
from eetui.core.race.contestant import Task
from eetui.core.race.contestants.frameworks.shapes import batch_shapes
from eetui.core.race.contestants.frameworks.shared import FrameworkLearner, missing

if TYPE_CHECKING:
    from torch import Tensor, device

    from eetui.core.race.contestants.frameworks.torch_step import Weights

WARM_UP_STEPS = 3
"""Steps that load, compile and record what the following ones repeat; their effect is undone."""
RECOMPILE_LIMIT = 64
"""Programs of one function that are kept: one for every length of batches and every race."""


class TorchContestant:
    """PyTorch with its autograd and its Adam, one thread on the CPU."""

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

        torch.set_num_threads(1)
        if self._compiled and not self._gpu:
            return CompiledLearner(task, torch.device("cpu"))
        place = gpu() if self._gpu else None
        return EagerLearner(task, place or torch.device("cpu"), self._compiled)


def gpu() -> device | None:
    """The GPU that PyTorch can use here, or None."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps") if torch.backends.mps.is_available() else None


class TorchLearner(FrameworkLearner):
    """The data set on a device: inputs and targets [n_docs, block_size], -1 for padding."""

    def __init__(self, task: Task, place: device) -> None:
        import torch

        super().__init__(task)
        name = torch.cuda.get_device_name(place) if place.type == "cuda" else place.type.upper()
        self.detail = f"PyTorch {torch.__version__.partition('+')[0]} on {name}"
        self._place = place
        data = task.dataset
        tokens = torch.tensor(data.tokens, dtype=torch.long, device=place)
        self._inputs, self._targets = tokens[:, :-1].contiguous(), tokens[:, 1:].clone()
        real = np.arange(data.block_size) < data.lengths[:, None]
        self._targets[torch.tensor(~real, device=place)] = -1

    def _longest(self, documents: NDArray[np.int32]) -> NDArray[np.int32]:
        """Positions of the longest document of each batch [n]."""
        longest: NDArray[np.int32] = self.task.dataset.lengths[documents].max(axis=1)
        return longest

    def _warm_up(self) -> NDArray[np.int32]:
        """Documents [n, batch] of a few steps."""
        return self.task.documents(0, WARM_UP_STEPS, self.batch)


class EagerLearner(TorchLearner):
    """Autograd and the fused Adam, an operation at a time; on a GPU the loss may be compiled.

    The weights are parts of one vector and so are their gradients, so that Adam updates a single
    tensor.
    """

    def __init__(self, task: Task, place: device, compiled: bool) -> None:
        import torch

        from eetui.core.race.contestants.frameworks.torch_step import fused_attention, loss_of

        super().__init__(task, place)
        self._flat = torch.tensor(task.initial, dtype=torch.float32, device=place)
        self._flat.grad = torch.zeros_like(self._flat)
        self._w: Weights = {}
        for part in layout(task.model):
            here = slice(part.offset, part.offset + part.size)
            self._w[part.name] = self._flat[here].view(part.shape).requires_grad_()
            self._w[part.name].grad = self._flat.grad[here].view(part.shape)
        betas = (task.train.beta1, task.train.beta2)
        self._adam = torch.optim.Adam(
            [self._flat], lr=1.0, betas=betas, eps=task.train.eps, fused=True
        )
        self._attention = fused_attention
        # With CUDA graphs, where there is CUDA: PyTorch's own answer to the cost of launches.
        mode = "reduce-overhead" if place.type == "cuda" else "default"
        self._loss = torch.compile(loss_of, mode=mode) if compiled else loss_of
        self._is_trimmed = not compiled  # A graph is of one shape.
        self._undo_after_warm_up()

    def _undo_after_warm_up(self) -> None:
        before = self._flat.clone()
        self.steps(self._warm_up(), np.zeros(WARM_UP_STEPS, np.float32))
        self._flat.copy_(before)
        self._adam.state.clear()

    def _backward(self, documents: Tensor, positions: int) -> Tensor:
        """The loss of a batch, whose gradients are then those of the weights."""
        assert self._flat.grad is not None
        batch = (self._inputs[documents, :positions], self._targets[documents, :positions])
        self._flat.grad.zero_()
        loss = self._loss(self._w, self.task.model, self._attention, *batch)
        loss.backward()
        return loss.detach()

    def _positions(self, documents: NDArray[np.int32]) -> list[int]:
        """Positions that each batch is cut to [n]."""
        if not self._is_trimmed:
            return [self.task.dataset.block_size] * len(documents)
        positions: list[int] = self._longest(documents).tolist()
        return positions

    def steps(
        self, documents: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """One step a row; the losses stay on the device until the last one is there."""
        import torch

        rows = torch.tensor(documents, dtype=torch.long, device=self._place)
        losses = torch.empty(len(rates), device=self._place)
        plan = zip(rates.tolist(), self._positions(documents), strict=True)
        for i, (rate, positions) in enumerate(plan):
            losses[i] = self._backward(rows[i], positions)
            self._adam.param_groups[0]["lr"] = rate
            self._adam.step()
        return np.asarray(losses.cpu().numpy())

    def gradients(self, documents: NDArray[np.int32]) -> tuple[float, Vector]:
        import torch

        rows = torch.tensor(documents, dtype=torch.long, device=self._place)
        loss = float(self._backward(rows, self._positions(documents[None])[0]))
        assert self._flat.grad is not None
        return loss, np.array(self._flat.grad.cpu().numpy())

    def params(self) -> Vector:
        return np.array(self._flat.detach().cpu().numpy())


class CompiledLearner(TorchLearner):
    """The whole step compiled into one program, for a few lengths of batches."""

    def __init__(self, task: Task, place: device) -> None:
        import torch

        from eetui.core.race.contestants.frameworks.torch_step import whole_step

        super().__init__(task, place)
        matrices = views(task.model, task.initial.astype(np.float32))
        self._w: Weights = {name: torch.tensor(matrix) for name, matrix in matrices.items()}
        self._m = {name: torch.zeros_like(w) for name, w in self._w.items()}
        self._v = {name: torch.zeros_like(w) for name, w in self._w.items()}
        # Each length is a program of its own, which takes long to compile: two are enough.
        self._lengths = np.unique([shape.positions for shape in batch_shapes(task)[-2:]])
        torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT  # noqa: SLF001 - it has no other
        self._step = torch.compile(
            whole_step(task.model, task.train), dynamic=False, options={"cpp_wrapper": True}
        )
        self._compile()

    def _compile(self) -> None:
        """One step at each length, on a copy of the state."""
        import torch

        documents = torch.tensor(self._warm_up()[0], dtype=torch.long)
        for positions in self._lengths.tolist():
            state = self._copies()
            self._take(state, documents, positions, torch.zeros(2))

    def _positions(self, documents: NDArray[np.int32]) -> list[int]:
        """The first length that each batch fits in [n]."""
        places = np.searchsorted(self._lengths, self._longest(documents))
        positions: list[int] = self._lengths[places].tolist()
        return positions

    def _copies(self) -> tuple[Weights, Weights, Weights]:
        w, m, v = ({k: x.clone() for k, x in part.items()} for part in (self._w, self._m, self._v))
        return w, m, v

    def _take(
        self, state: tuple[Weights, Weights, Weights], documents: Tensor, positions: int,
        factors: Tensor,
    ) -> Tensor:  # fmt: skip
        """A step on a state; the loss before it."""
        data = (self._inputs, self._targets)
        loss: Tensor = self._step(*state, *data, documents, positions, factors)
        return loss

    def steps(
        self, documents: NDArray[np.int32], rates: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """One step a row, each at the first length that its batch fits in."""
        import torch

        train = self.task.train
        count = np.arange(self.done + 1, self.done + len(rates) + 1)
        factors = np.stack([rates / (1 - train.beta1**count), 1 / (1 - train.beta2**count)], 1)
        losses = [
            self._take((self._w, self._m, self._v), *step)
            for step in zip(
                torch.tensor(documents, dtype=torch.long).unbind(0),
                self._positions(documents),
                torch.tensor(factors, dtype=torch.float32).unbind(0),
                strict=True,
            )
        ]
        return np.asarray(torch.stack(losses).numpy())

    def gradients(self, documents: NDArray[np.int32]) -> tuple[float, Vector]:
        """Read from Adam's first moment after a step without a rate, so of the compiled code."""
        import torch

        w, m, v = self._copies()
        for moment in (*m.values(), *v.values()):
            moment.zero_()
        length = int(
            self._lengths[np.searchsorted(self._lengths, self._longest(documents[None]))[0]]
        )
        rows = torch.tensor(documents, dtype=torch.long)
        loss = float(self._take((w, m, v), rows, length, torch.tensor([0.0, 1.0])))
        return loss, self._flat(m) / np.float32(1 - self.task.train.beta1)

    def params(self) -> Vector:
        return self._flat(self._w)

    def _flat(self, matrices: Weights) -> Vector:
        parts = [matrices[tensor.name].numpy() for tensor in layout(self.task.model)]
        return np.concatenate([part.reshape(-1) for part in parts])


TORCH = TorchContestant("torch", "PyTorch, an operation at a time: autograd on tensors, batches.")
TORCH_COMPILE = TorchContestant(
    "torch-compile",
    "PyTorch with a whole step, gradients and update, compiled into one program.",
    compiled=True,
)
TORCH_GPU = TorchContestant("torch+gpu", "PyTorch on the GPU, a launch an operation.", gpu=True)
TORCH_COMPILE_GPU = TorchContestant(
    "torch-compile+gpu", "PyTorch compiled, with CUDA graphs on CUDA.", compiled=True, gpu=True
)
