"""Loss curves of bfloat16 products beside those of float32: the figure in docs/matrix-engines.md.

EETUI_NATIVE_LIBRARY=build/eetui_native.so python tests/native/curves.py docs/amx-curves.svg

The same seeds (weights) and documents for each way; prints the table and draws the figure. The
library may be one whose AMX is modelled (CONTRIBUTING.md): the numbers are the same, not the time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig, default_learning_rate
from eetui.core.data.batches import documents, learning_rates
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.model.state import TrainState

STEPS, LAST, SEEDS = 2000, 100, (1, 2, 3, 4, 5)
WAYS = {"tiles": "#4e79a7", "amx": "#e15759", "amx-split": "#59a14f"}
NAMES = {"tiles": "float32", "amx": "AMX bfloat16", "amx-split": "AMX split"}
Curves = dict[str, NDArray[np.float64]]
"""For each way [seeds, STEPS] losses."""


def train(d_model: int, way: str, seed: int) -> NDArray[np.float32]:
    """Losses of one run from the seed's weights over the seed's documents."""
    engine, dataset = NativeEngine(), load_dataset()
    model = ModelConfig(d_model, vocab_size=dataset.vocab_size)
    config = TrainConfig(learning_rate=default_learning_rate(d_model), steps=STEPS, seed=seed)
    on = engine.default_optimizations().with_value("products", way)
    rows = documents(seed, 0, STEPS, config.batch, dataset.n_docs)
    rates = learning_rates(config, 0, STEPS)
    state = TrainState.create(model, seed)
    return engine.run(state, dataset, model, config, on, rows, rates).losses


def smooth(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of LAST steps after LAST."""
    return np.asarray(curve.reshape(-1, LAST).mean(axis=1))


def table(d_model: int, curves: Curves) -> str:
    """Rows of Markdown: the mean of the last losses for each seed, and the differences."""
    ends = {way: curves[way][:, -LAST:].mean(axis=1) for way in WAYS}
    lines = []
    for way, name in NAMES.items():
        cells = " | ".join(f"{x:.4f}" for x in ends[way])
        apart = ends[way] - ends["tiles"]
        spread = f"{apart.mean():+.4f} ({apart.min():+.4f} to {apart.max():+.4f})"
        lines.append(f"| {d_model} | {name} | {cells} | {spread if way != 'off' else ''} |")
    return "\n".join(lines)


def polyline(xs: NDArray[np.float64], ys: NDArray[np.float64], colour: str, width: float) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def panel(left: int, title: str, low: float, high: float, lines: dict[str, Curves]) -> list[str]:
    """One chart of 280 by 220: for each way the curves of its seeds between low and high."""
    step = (high - low) / 4
    parts = [f'<text x="{left}" y="20" font-weight="bold">{title}</text>']
    for i in range(5):
        y = 250 - 55 * i
        parts.append(f'<path d="M{left} {y}h280" stroke="#ccc"/>')
        parts.append(
            f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{low + i * step:.3g}</text>'
        )
    for i in range(5):
        x = left + 70 * i
        parts.append(f'<text x="{x}" y="268" text-anchor="middle">{STEPS * i // 4}</text>')
    for way, curves in lines.items():
        for curve in curves["seeds"]:
            xs = left + 280 * (np.arange(len(curve)) + 0.5) / len(curve)
            ys = 250 - 220 * (np.clip(curve, low, high) - low) / (high - low)
            parts.append(polyline(xs, ys, WAYS[way], 1.2))
    return parts


def figure(d_model: int, curves: Curves, top: int) -> list[str]:
    """Losses to the left; to the right how far each seed's are from its float32 run."""
    smoothed = {way: np.array([smooth(c) for c in curves[way]]) for way in WAYS}
    apart = {way: {"seeds": smoothed[way] - smoothed["tiles"]} for way in WAYS if way != "tiles"}
    low = np.floor(min(s.min() for s in smoothed.values()) * 10) / 10
    losses = {way: {"seeds": s} for way, s in smoothed.items()}
    most = max(float(np.abs(a["seeds"]).max()) for a in apart.values())
    most = float(f"{most * 1.1:.1g}")
    title = f"d_model {d_model}"
    return [
        f'<g transform="translate(0 {top})">',
        *panel(60, f"{title}: loss, 5 seeds", low, low + 0.8, losses),
        *panel(430, f"{title}: loss less float32's, same seed", -most, most, apart),
        "</g>",
    ]


def main(path: Path, widths: list[int]) -> None:
    """Train, print the table and write the figure."""
    body: list[str] = []
    for i, d_model in enumerate(widths):
        curves = {
            way: np.array([train(d_model, way, seed) for seed in SEEDS], np.float64) for way in WAYS
        }
        print(table(d_model, curves), flush=True)
        body += figure(d_model, curves, 280 * i)
    height = 280 * len(widths) + 30
    for i, (way, name) in enumerate(NAMES.items()):
        x = 60 + 160 * i
        body.append(f'<path d="M{x} {height - 12}h24" stroke="{WAYS[way]}" stroke-width="3"/>')
        body.append(f'<text x="{x + 30}" y="{height - 8}">{name}</text>')
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 {height}" '
        'font-family="sans-serif" font-size="12" fill="#333">'
        f'<rect width="740" height="{height}" fill="#fff"/>' + "\n".join(body) + "</svg>\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(d) for d in sys.argv[2:]] or [16, 64])
