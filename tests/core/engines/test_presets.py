"""Presets: sets of toggles as far as an engine can do them here."""

from __future__ import annotations

from eetui.core.config import ModelConfig
from eetui.core.engines import registry
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.engines.presets import PRESETS, differing, everything_off, preset
from eetui.core.optimizations import CATALOGUE, Optimizations


class Narrow(NumpyEngine):
    """An engine that has only eight lanes, tiles and no unit."""

    name = "narrow"

    def __init__(self, *cannot):
        super().__init__()
        self.cannot = cannot or (
            *(("vector_width", 1), ("vector_width", 4)),
            *(("products", "rows"), ("products", "sme2")),
        )

    def why_not(self, key, value):
        return "Not here." if (key, value) in self.cannot else ""


def test_every_preset_is_possible_for_every_engine():
    for name in registry.ENGINES:
        engine = registry.create(name)
        for each in PRESETS:
            chosen = preset(each, engine, ModelConfig())
            reasons = [engine.why_not(e.key, getattr(chosen, e.key)) for e in CATALOGUE]
            assert not any(reasons)
            assert not engine.conflict(chosen)


def test_off_is_the_lowest_that_is_possible():
    chosen = everything_off(Narrow())
    assert (chosen.vector_width, chosen.products, chosen.padding_skip) == (8, "tiles", False)


def test_eemicrogpts_set_has_four_lanes_and_no_prefix_sharing_where_it_can():
    chosen = preset("eemicrogpt", registry.create("numba"), ModelConfig())
    assert (chosen.vector_width, chosen.prefix_sharing) == (4, False)
    assert preset("eemicrogpt", Narrow(), ModelConfig()).vector_width == 8


def test_eemicrogpts_set_uses_sme2_from_its_width_on_where_there_is_one():
    apple = Narrow(("products", "amx"))
    assert preset("eemicrogpt", apple, ModelConfig(d_model=32)).products == "tiles"
    assert preset("eemicrogpt", apple, ModelConfig(d_model=64)).products == "sme2"


class Able(NumpyEngine):
    """An engine that can do everything but a matrix unit."""

    def why_not(self, key, value):
        return "None." if value in ("sme2", "amx", "amx-split") else ""


def test_eemicrogpts_set_is_what_its_program_does():
    assert preset("eemicrogpt", Able(), ModelConfig()) == Optimizations(
        padding_skip=True, fast_exp=True, vector_width=4, prefix_sharing=False, products="tiles",
        fused=True, adam="vector", flush_denormals=False, work_order="batch", threads=1,
        optimizer="adam",
    )  # fmt: skip
    off = everything_off(Able())
    assert [getattr(off, entry.key) for entry in CATALOGUE] == [e.values[0] for e in CATALOGUE]


def test_what_differs_is_named():
    off = everything_off(registry.create("numba"))
    assert differing(off, off) == ()
    assert differing(off, off.with_value("fast_exp", not off.fast_exp)) == ("fast exp",)
