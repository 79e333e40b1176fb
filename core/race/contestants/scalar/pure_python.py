"""The whole algorithm on single numbers, with nothing but Python's standard library.

It does what Andrej Karpathy's microgpt.py does
(https://gist.github.com/karpathy/8627fe009c40f57531cb18360106ce95), operation by operation and in
the same order, so that from the same random numbers its losses are the published ones. What is
left out of here is only what the race needs around it. Any Python runs this file by itself:

    pypy3 microgpt.py names.txt --steps 1000
"""

# ruff: noqa: B905, RUF007 -- checking the lengths of every zip takes a share of the time that counts
# here, and PyPy as Debian has it knows no itertools.pairwise.

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple, Protocol

INIT_STD = 0.08
RMS_EPS = 1e-5


class Config(Protocol):
    """The shape of a transformer, as `eetui.core.config.ModelConfig` has it."""

    @property
    def d_model(self) -> int: ...
    @property
    def n_heads(self) -> int: ...
    @property
    def n_layers(self) -> int: ...
    @property
    def block_size(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def activation(self) -> str: ...


class Value:
    """A number, the numbers it was made of, and its slope along each of them."""

    __slots__ = ("children", "data", "grad", "slopes")

    def __init__(
        self,
        data: float,
        children: tuple[Value, ...] = (),
        slopes: tuple[float, ...] = (),
    ) -> None:
        self.data = data
        self.grad = 0.0
        self.children = children
        self.slopes = slopes

    def __add__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Value | float) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> Value:
        return Value(self.data**power, (self,), (power * self.data ** (power - 1),))

    def log(self) -> Value:
        return Value(math.log(self.data), (self,), (1.0 / self.data,))

    def exp(self) -> Value:
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def relu(self) -> Value:
        return Value(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def __neg__(self) -> Value:
        return self * -1.0

    def __sub__(self, other: float) -> Value:
        return self + -other

    def __truediv__(self, other: Value | float) -> Value:
        return self * other**-1.0

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self) -> int:
        """Add the slope of this number along every number it hangs on to their `grad`.

        Gives how many numbers those are. They are put in order without recursion, which a deep
        model would exhaust.
        """
        order: list[Value] = []
        seen = {self}
        path = [(self, iter(self.children))]
        while path:
            value, rest = path[-1]
            for child in rest:
                if child not in seen:
                    seen.add(child)
                    if child.children:
                        path.append((child, iter(child.children)))
                        break
                    order.append(child)
            else:
                order.append(value)
                path.pop()
        self.grad = 1.0
        for value in reversed(order):
            for child, slope in zip(value.children, value.slopes):
                child.grad += slope * value.grad
        return len(order)


Vector = list[Value]
Matrix = list[Vector]
Weights = dict[str, Matrix]


def matrices(config: Config) -> Iterator[tuple[str, int, int]]:
    """Name, outputs and inputs of every matrix, in the order in which they are drawn."""
    d = config.d_model
    yield "wte", config.vocab_size, d
    yield "wpe", config.block_size, d
    yield "lm_head", config.vocab_size, d
    for i in range(config.n_layers):
        for name in ("wq", "wk", "wv", "wo"):
            yield f"{name}{i}", d, d
        yield f"fc1{i}", 4 * d, d
        yield f"fc2{i}", d, 4 * d


def draw(config: Config, rng: random.Random) -> list[float]:
    """Fresh weights from gauss(0, 0.08), matrix after matrix, each output by output."""
    sizes = [n_out * n_in for _, n_out, n_in in matrices(config)]
    return [rng.gauss(0.0, INIT_STD) for _ in range(sum(sizes))]


def weights_of(config: Config, params: Vector) -> Weights:
    """The matrices [outputs][inputs] of weights that lie as `draw` gives them."""
    rest = iter(params)
    return {
        name: [[next(rest) for _ in range(n_in)] for _ in range(n_out)]
        for name, n_out, n_in in matrices(config)
    }


def total(values: Iterator[Value]) -> Value:
    """The sum, begun at 0 as Python's is."""
    return sum(values, Value(0.0))


def linear(x: Vector, w: Matrix) -> Vector:
    return [total(wi * xi for wi, xi in zip(row, x)) for row in w]


def softmax(x: Vector) -> Vector:
    highest = max(xi.data for xi in x)
    exps = [(xi - highest).exp() for xi in x]
    whole = total(iter(exps))
    return [e / whole for e in exps]


def rms_norm(x: Vector) -> Vector:
    mean_square = total(xi * xi for xi in x) / len(x)
    factor = (mean_square + RMS_EPS) ** -0.5
    return [xi * factor for xi in x]


def attention(q: Vector, keys: Matrix, values: Matrix, n_heads: int) -> Vector:
    """What the heads of one position see of the positions up to it."""
    d_head = len(q) // n_heads
    seen = range(len(keys))
    mixed: Vector = []
    for start in range(0, len(q), d_head):
        features = range(start, start + d_head)
        scores = [total(q[j] * keys[t][j] for j in features) / d_head**0.5 for t in seen]
        share = softmax(scores)
        mixed += [total(share[t] * values[t][j] for t in seen) for j in features]
    return mixed


def logits(
    w: Weights, config: Config, token: int, place: int, keys: list[Matrix], values: list[Matrix]
) -> Vector:
    """Scores of all tokens to follow `token` at `place`.

    keys and values: those of the places before, layer by layer; this place's are added.
    """
    x = rms_norm([t + p for t, p in zip(w["wte"][token], w["wpe"][place])])
    for i in range(config.n_layers):
        norm = rms_norm(x)
        q = linear(norm, w[f"wq{i}"])
        keys[i].append(linear(norm, w[f"wk{i}"]))
        values[i].append(linear(norm, w[f"wv{i}"]))
        mixed = attention(q, keys[i], values[i], config.n_heads)
        x = [a + b for a, b in zip(linear(mixed, w[f"wo{i}"]), x)]
        hidden = [h.relu() for h in linear(rms_norm(x), w[f"fc1{i}"])]
        if config.activation == "relu2":
            hidden = [h**2.0 for h in hidden]
        x = [a + b for a, b in zip(linear(hidden, w[f"fc2{i}"]), x)]
    return linear(x, w["lm_head"])


def document_loss(w: Weights, config: Config, tokens: list[int]) -> Value:
    """Mean -log p (nats) of tokens[1:], each from those before it."""
    keys: list[Matrix] = [[] for _ in range(config.n_layers)]
    values: list[Matrix] = [[] for _ in range(config.n_layers)]
    losses = []
    for place, (token, target) in enumerate(zip(tokens, tokens[1:])):
        p = softmax(logits(w, config, token, place, keys, values))
        losses.append(-p[target].log())
    return (1.0 / len(losses)) * total(iter(losses))


def graph_size(config: Config, positions: int) -> int:
    """Numbers that `document_loss` makes for a document of so many positions, weights apart.

    A sum of k products makes 2 k + 1 (it begins at 0), a softmax of k 6 k + 1, a norm of k
    3 k + 6.
    """
    d, v, h = config.d_model, config.vocab_size, config.n_heads
    activation = 8 * d if config.activation == "relu2" else 4 * d
    seen = positions * (positions + 1) // 2  # Summed over the positions.
    norm = 3 * d + 6
    linears = 8 * d * (2 * d + 1) + d * (8 * d + 1)
    layer = positions * (2 * norm + linears + 2 * d + activation)
    layer += seen * (h * (2 * (d // h) + 9) + 2 * d) + positions * (h + d)
    ends = d + norm + v * (2 * d + 1) + 6 * v + 1 + 3
    return config.n_layers * layer + positions * ends + positions + 1 + 2


class Adam:
    """Adam with bias correction on a list of numbers (Kingma and Ba, 2015, algorithm 1)."""

    def __init__(self, params: Vector, beta1: float, beta2: float, eps: float) -> None:
        self.params = params
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.m = [0.0] * len(params)
        self.v = [0.0] * len(params)
        self.steps = 0

    def update(self, rate: float) -> None:
        """One step along the gradients, which are then cleared."""
        self.steps += 1
        beta1, beta2, m, v = self.beta1, self.beta2, self.m, self.v
        for i, p in enumerate(self.params):
            m[i] = beta1 * m[i] + (1 - beta1) * p.grad
            v[i] = beta2 * v[i] + (1 - beta2) * p.grad**2
            m_hat = m[i] / (1 - beta1**self.steps)
            v_hat = v[i] / (1 - beta2**self.steps)
            p.data -= rate * m_hat / (v_hat**0.5 + self.eps)
            p.grad = 0.0


class PublishedConfig(NamedTuple):
    """The shape and recipe of the published program."""

    vocab_size: int
    d_model: int = 16
    n_heads: int = 4
    n_layers: int = 1
    block_size: int = 16
    activation: str = "relu"
    learning_rate: float = 0.01
    beta1: float = 0.85
    beta2: float = 0.99
    eps: float = 1e-8


def main() -> None:
    """The published program on a file of documents, with a clock."""
    parser = argparse.ArgumentParser(description="microgpt: scalar autograd in pure Python.")
    parser.add_argument("file", help="UTF-8 text, one document a line")
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    rng = random.Random(42)
    with open(options.file, encoding="utf-8") as text:
        documents = [line.strip() for line in text if line.strip()]
    rng.shuffle(documents)
    vocabulary = sorted(set("".join(documents)))
    boundary = len(vocabulary)
    config = PublishedConfig(boundary + 1)
    params = [Value(x) for x in draw(config, rng)]
    w = weights_of(config, params)
    adam = Adam(params, config.beta1, config.beta2, config.eps)
    start = perf_counter()
    for step in range(options.steps):
        text_ids = [vocabulary.index(c) for c in documents[step % len(documents)]]
        tokens = [boundary, *text_ids, boundary][: config.block_size + 1]
        loss = document_loss(w, config, tokens)
        loss.backward()
        adam.update(config.learning_rate * (1 - step / options.steps))
        us = (perf_counter() - start) * 1e6 / (step + 1)
        print(f"step {step + 1:4d} | loss {loss.data:.4f} | {us:,.0f} us a sample", flush=True)


if __name__ == "__main__":
    main()
