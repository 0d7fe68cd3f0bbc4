"""Blocks of trunks by name, derived from the names of their layers: what ``train: after:<block>`` counts in."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import keras

_EXAMPLES = 8


@dataclass(frozen=True)
class _Family:
    """Trunks whose layers are named alike.

    Attributes:
        mark: a layer name in which this pattern is found tells that the trunk is one of this family.
        rules: pattern found in a layer's name, and the block that the layer belongs to (may quote groups). A layer
            without a rule, such as one that Keras has numbered, belongs with the layer before it.
        ends: pattern of the names of layers which end a block and give it its name; used instead of rules where
            only those have names of their own.
    """

    mark: str
    rules: tuple[tuple[str, str], ...] = ()
    ends: str = ""


# The first family whose mark is found is taken, so those with the narrower mark stand first.
_FAMILIES = (
    # DenseNet. A transition (pool2_*) belongs to the dense block before it, so that the stride is at the block's end.
    _Family(
        "^conv2_block1_concat$",
        (("^(conv1|pool1)", "conv1"), *((f"^(conv{n}_block|pool{n}_)", f"dense_block_{n - 1}") for n in range(2, 6))),
    ),
    # Bottleneck ResNets of keras.applications, V1 and V2.
    _Family(
        "^conv2_block1_out$",
        (("^(conv1|pool1)_", "stem"), *((f"^conv{n}_block", f"stage_{n - 1}") for n in range(2, 6))),
    ),
    # Our basic-block ResNets, and those of keras-cv.
    _Family("^stage_1_block_1_", (("^stem_", "stem"), (r"^(stage_\d)_", r"\1"))),
    _Family(
        "^v2_stack_0_",
        (("^(conv1|pool1)_", "stem"), *((f"^v2_stack_{n}_", f"stage_{n + 1}") for n in range(4))),
    ),
    # MobileNet, MobileNetV2.
    _Family("^conv_dw_1$", (("^conv1", "stem"), (r"^conv_(?:dw|pw|pad)_(\d+)", r"block_\1"))),
    _Family(
        "^expanded_conv_",
        (
            ("^(Conv1|bn_Conv1)", "stem"),
            ("^expanded_conv_", "block_0"),
            (r"^(block_\d+)_", r"\1"),
            ("^(Conv_1|out_relu)", "top"),
        ),
    ),
    # EfficientNet, V1 and V2: block2a, block2b and so on are one block.
    _Family("^block1a_", (("^stem_", "stem"), (r"^(block\d+)[a-z]+_", r"\1"), ("^top_", "top"))),
    # ConvNeXt. A downsampling belongs to the stage that it opens.
    _Family(
        "_stage_0_block_0_",
        (
            ("_(prestem|stem)", "stem"),
            *((f"_(stage_{n}|downsampling_block_{n - 1})", f"stage_{n + 1}") for n in range(4)),
        ),
    ),
    # VGG, Xception, tiny, and any trunk that names its layers so.
    _Family("^block1_", ((r"^(block\d+)_", r"\1"),)),
    # Inception: convolutions are numbered by Keras, only the ends of its modules have names.
    _Family("^mixed0$", ends=r"^mixed\d+$"),
)


def layers_by_block(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Sort a trunk's layers into blocks.

    Args:
        names: names of the trunk's layers in graph order.

    Returns:
        The names of the layers of each block, keyed by block, both in order; every layer is in one block. Empty if
        the layers are named in none of the ways that are known.
    """
    names = list(names)
    family = next((family for family in _FAMILIES if any(re.search(family.mark, name) for name in names)), None)
    if family is None:
        return {}
    blocks: dict[str, list[str]] = {}
    waiting: list[str] = []  # layers whose block has no name yet
    current = ""
    for name in names:
        waiting.append(name)
        if family.ends:
            found = name if re.search(family.ends, name) else ""
        else:
            matches = ((re.search(pattern, name), block) for pattern, block in family.rules)
            found = next((match.expand(block) for match, block in matches if match), current)
        if found:
            current = found
            blocks.setdefault(current, []).extend(waiting)
            waiting = []
    if waiting:
        blocks[current].extend(waiting)
    return {block: tuple(layers) for block, layers in blocks.items()}


def block_names(trunk: keras.Model) -> tuple[str, ...]:
    """Return the names of a trunk's blocks, from the photograph's side on.

    Args:
        trunk: from :func:`kerasdr.models.registry.build_trunk`.

    Returns:
        For instance ``conv1, dense_block_1, .., dense_block_4`` (DenseNet; a dense block includes the transition after
        it), ``stem, stage_1, .., stage_4`` (ResNet), ``block1, .., block5`` (VGG16). Empty for a trunk whose layers are
        named in none of the ways that are known.
    """
    return tuple(layers_by_block(names_in_order(trunk)))


def names_in_order(trunk: keras.Model) -> list[str]:
    """Return the names of a trunk's layers in graph order, without inputs."""
    return [layer.name for layer in trunk.layers if not isinstance(layer, keras.layers.InputLayer)]


def map_places(backbone: keras.Model) -> list[str]:
    """Return the names of a trunk's layers that give a map and have a name of their own, in graph order."""
    maps = {layer.name for layer in backbone.layers if len(layer.output.shape) == 4 and not is_numbered(layer)}
    return [name for name in names_in_order(backbone) if name in maps]


def block_ends(names: Iterable[str], places: Collection[str]) -> str:
    """Return examples of places, for a message: the last of each block, as all layers of a trunk would fill the screen.

    Args:
        names: of a trunk's layers in graph order.
        places: those of them that may be named.
    """
    ends = [next((name for name in reversed(block) if name in places), "") for block in layers_by_block(names).values()]
    return ", ".join([end for end in ends if end][-_EXAMPLES:]) or ", ".join(list(places)[-_EXAMPLES:])


def is_numbered(layer: keras.layers.Layer) -> bool:
    """Whether a layer's name is one that Keras gave it.

    Keras numbers layers without a name through the whole process, so such a name means another layer next time.
    """
    own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(layer).__name__).lower()
    return re.fullmatch(rf"{own.replace('_', '_?')}(_\d+)?", layer.name) is not None
