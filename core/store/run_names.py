"""Names for runs: two words that can be said and remembered."""

from __future__ import annotations

import random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words(
    "amber ample apt arctic azure balmy bold brave brief bright brisk calm candid cheery chief "
    "civil clean clear clever close coral cosmic cosy crisp curious daring deep deft eager "
    "early easy even fair famous fancy fast fine firm fleet fond fresh gentle giant glad golden "
    "grand great green happy hardy hazel honest humble ideal indigo ivory jade jolly keen kind "
    "large lasting light lively loyal lucid lucky lunar mellow merry mild misty modest neat "
    "nimble noble northern olive open patient plain polite proud prime quick quiet rapid ready "
    "regal rosy royal ruby rustic sandy serene sharp shiny silent silver simple sleek smart "
    "smooth snowy soft solar solid steady still sunny swift tall tame tidy topaz tranquil true "
    "upbeat vast vivid warm wide wise witty young zesty "
)

SECOND = _words(
    "acorn alder anchor apple arrow aspen badger bay beacon beaver birch bison breeze bridge "
    "brook canyon cedar cherry cliff cloud clover comet coral cove crane creek crow daisy dawn "
    "deer delta dove dune eagle echo elk elm ember falcon fern field finch fjord flame forest "
    "fox garden glacier glade grove gull harbor hare harvest hawk hazel heath heron hill island "
    "ivy juniper kestrel lagoon lake lark laurel leaf lily linden lynx maple marsh meadow moon "
    "moss mountain oak ocean orchard osprey otter owl panda pear pebble pine planet plum pond "
    "poplar puffin quail rain raven reef ridge river robin rose salmon seal shore sparrow "
    "spring spruce star stone stream summit swan thistle thrush tide tiger trail tulip valley "
    "vine walnut wave willow wind wolf wren "
)


def two_words(rng: random.Random) -> str:
    """Such as 'quiet heron': one of about 16,000."""
    return f"{rng.choice(FIRST)} {rng.choice(SECOND)}"
