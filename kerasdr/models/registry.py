"""Names of trunks and how each is built; a new one is one line in :data:`_APPLICATIONS` or one decorated function."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras

from kerasdr.config import suggestion
from kerasdr.errors import KerasdrError
from kerasdr.models.resnet import basic_block_resnet


@dataclass(frozen=True)
class Trunk:
    """How to build one trunk.

    Attributes:
        name: what configurations call it.
        build: input side in pixels -> functional model from ``(N, size, size, 3)`` to a feature map ``(N, h, w, C)``,
            without weights from anywhere.
        normalization: mode of :class:`kerasdr.models.normalization.InputNormalization` that its weights expect.
        min_size: smallest input side in pixels.
        application: attribute of ``keras.applications`` whose ImageNet weights fit, or an empty string.
        xla: how many times as fast a training step of the whole trunk is with XLA, as ``tests/benchmarks/xla.py`` measured it
            on two cores with AVX-512 at 224 px, batch 8; None where nobody has.
    """

    name: str
    build: Callable[[int], keras.Model]
    normalization: str
    min_size: int = 32
    application: str = ""
    xla: float | None = None


# name: (attribute of keras.applications, normalisation, smallest side)
_APPLICATIONS = {
    "densenet121": ("DenseNet121", "imagenet", 32),
    "densenet169": ("DenseNet169", "imagenet", 32),
    "resnet50": ("ResNet50", "caffe", 32),
    "resnet101": ("ResNet101", "caffe", 32),
    "resnet50v2": ("ResNet50V2", "signed", 32),
    "mobilenet": ("MobileNet", "signed", 32),
    "mobilenetv2": ("MobileNetV2", "signed", 32),
    "vgg16": ("VGG16", "caffe", 32),
    "inceptionv3": ("InceptionV3", "signed", 75),
    "xception": ("Xception", "signed", 71),
    "efficientnetv2s": ("EfficientNetV2S", "none", 32),
    "convnexttiny": ("ConvNeXtTiny", "none", 32),
}

# How many times as fast with XLA as without, see Trunk.xla: on that processor XLA pays for none of them.
XLA_SPEEDS: dict[str, float] = {
    "densenet121": 0.48,
    "mobilenet": 0.17,
    "mobilenetv2": 0.18,
    "resnet18": 0.72,
    "resnet18_kerascv": 0.71,
    "resnet34": 0.73,
    "resnet34_kerascv": 0.72,
    "vgg16": 0.72,
}

_BUILDERS: dict[str, Trunk] = {}


def register_trunk(
    name: str, *, normalization: str, min_size: int = 32, application: str = ""
) -> Callable[[Callable[[int], keras.Model]], Callable[[int], keras.Model]]:
    """Register a function ``size -> keras.Model`` as the trunk ``name``; see :class:`Trunk` for the rest."""

    def register(build: Callable[[int], keras.Model]) -> Callable[[int], keras.Model]:
        _BUILDERS[name] = Trunk(name, build, normalization, min_size, application)
        return build

    return register


def trunk_names() -> tuple[str, ...]:
    """Return the names of all trunks, sorted."""
    return tuple(sorted({*_APPLICATIONS, *_BUILDERS}))


def get_trunk(name: str) -> Trunk:
    """Return how to build the trunk ``name``.

    Raises:
        KerasdrError: if there is no such trunk; the message lists those that exist.
    """
    if name in _BUILDERS:
        return replace(_BUILDERS[name], xla=XLA_SPEEDS.get(name))
    if name in _APPLICATIONS:
        attribute, normalization, min_size = _APPLICATIONS[name]

        def build(size: int) -> keras.Model:
            # EfficientNetV2 looks its block sizes up by its own name, so that it cannot be given another.
            named = {} if attribute.startswith("EfficientNetV2") else {"name": name}
            return getattr(keras.applications, attribute)(
                include_top=False, weights=None, input_shape=(size, size, 3), **named
            )

        return Trunk(name, build, normalization, min_size, attribute, XLA_SPEEDS.get(name))
    raise KerasdrError(
        f"no trunk is called {name!r}{suggestion(name, trunk_names())}; "
        f"model.trunk is one of {', '.join(trunk_names())}"
    )


def build_trunk(name: str, size: int) -> keras.Model:
    """Build a trunk with random weights.

    Args:
        name: one of :func:`trunk_names`.
        size: input side in pixels.

    Raises:
        KerasdrError: if the trunk is unknown or ``size`` is smaller than it can take.
    """
    trunk = get_trunk(name)
    if size < trunk.min_size:
        raise KerasdrError(f"trunk {name} needs photographs of at least {trunk.min_size} px, got imaging.size={size}")
    return trunk.build(size)


@register_trunk("efficientnetb0", normalization="imagenet", application="EfficientNetB0")
def _efficientnetb0(size: int) -> keras.Model:
    # Keras's graph begins with a normalisation whose statistics a copy of its weights does not set, and that is another
    # one when it loads ImageNet's weights itself (it divides by the deviation's root twice). What both come to with those
    # weights is the mode "imagenet", so the trunk starts behind them.
    whole = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(size, size, 3))
    return keras.Model(whole.get_layer("stem_conv_pad").input, whole.output)


@register_trunk("efficientnetv2b0", normalization="imagenet", application="EfficientNetV2B0")
def _efficientnetv2b0(size: int) -> keras.Model:
    # Keras's own first layers do what the mode "imagenet" does, and one of them is called as ours is: "normalization".
    return keras.applications.EfficientNetV2B0(
        include_top=False, weights=None, input_shape=(size, size, 3), include_preprocessing=False
    )


@register_trunk("resnet18", normalization="imagenet")
def _resnet18(size: int) -> keras.Model:
    return basic_block_resnet(size, (2, 2, 2, 2))


@register_trunk("resnet34", normalization="imagenet")
def _resnet34(size: int) -> keras.Model:
    return basic_block_resnet(size, (3, 4, 6, 3))


def _kerascv_resnet(size: int, blocks: tuple[int, ...]) -> keras.Model:
    # For weights that were made with keras-cv, whose padding differs from torchvision's (see models/resnet.py). Its
    # named presets would ask a hub, the plain backbone does not. Imported here, since most trunks never need it.
    from keras_cv.models import ResNetBackbone

    backbone = ResNetBackbone(
        stackwise_filters=[64, 128, 256, 512],
        stackwise_blocks=list(blocks),
        stackwise_strides=[1, 2, 2, 2],
        block_type="basic_block",
        include_rescaling=False,
        input_shape=(size, size, 3),
    )
    return keras.Model(backbone.inputs[0], backbone.outputs[0])


@register_trunk("resnet18_kerascv", normalization="imagenet")
def _resnet18_kerascv(size: int) -> keras.Model:
    return _kerascv_resnet(size, (2, 2, 2, 2))


@register_trunk("resnet34_kerascv", normalization="imagenet")
def _resnet34_kerascv(size: int) -> keras.Model:
    return _kerascv_resnet(size, (3, 4, 6, 3))


@register_trunk("tiny", normalization="unit")
def _tiny(size: int) -> keras.Model:
    """Build the trunk of tests and of the demo: trained from nothing in a minute, 0.2 million weights.

    Five convolutions; the map that comes out is an eighth of the input's side, fine enough for a heat map to point at a
    lesion.
    """
    layers = keras.layers
    inputs = keras.Input((size, size, 3))
    x = inputs
    for block, (filters, shrink) in enumerate(((16, True), (32, True), (64, True), (96, False), (128, False)), start=1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"block{block}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"block{block}_bn")(x)
        x = layers.ReLU(name=f"block{block}_relu")(x)
        if shrink:
            x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return keras.Model(inputs, x)
