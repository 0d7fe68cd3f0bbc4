"""ResNet18 and ResNet34: residual networks of basic blocks, laid out so that torchvision's weights give its
features."""

import keras


def basic_block_resnet(size: int, blocks: tuple[int, ...]) -> keras.Model:
    """Build a residual network of basic blocks (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016).

    ``keras.applications`` has none, and keras-cv's cannot take torchvision's weights: Keras's ``same`` padding puts the
    odd row of a strided convolution at the end, where torchvision pads both sides alike, so each of its five strides
    would move the picture under the kernels by a pixel. Here padding is written out. Epsilon and momentum of batch
    normalisation are torchvision's as well (1e-5; 0.9, which torch calls 0.1), and kernels start as He et al. (ICCV
    2015) propose for layers before a ReLU.

    Args:
        size: input side in pixels, at least 32.
        blocks: blocks in each of the four stages: ``(2, 2, 2, 2)`` is ResNet18, ``(3, 4, 6, 3)`` ResNet34.

    Returns:
        Functional model ``(N, size, size, 3)`` -> ``(N, ceil(size / 32), ceil(size / 32), 512)``, normalised as
        ``imagenet``. Its layers are called ``stem_*`` and ``stage_<1..4>_block_<1..>_*``.
    """
    layers = keras.layers
    inputs = keras.Input((size, size, 3))
    x = _convolution(inputs, 64, 7, 2, "stem_conv")
    x = layers.ReLU(name="stem_relu")(_normalization(x, "stem_bn"))
    x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)  # after a ReLU, zeros never win against what is there
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
    for stage, count in enumerate(blocks, start=1):
        for block in range(1, count + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _basic_block(x, 64 * 2 ** (stage - 1), stride, f"stage_{stage}_block_{block}")
    return keras.Model(inputs, x)


def _basic_block(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    layers = keras.layers
    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        shortcut = _convolution(x, filters, 1, stride, f"{name}_shortcut_conv")
        shortcut = _normalization(shortcut, f"{name}_shortcut_bn")
    x = _convolution(x, filters, 3, stride, f"{name}_conv1")
    x = layers.ReLU(name=f"{name}_relu1")(_normalization(x, f"{name}_bn1"))
    x = _normalization(_convolution(x, filters, 3, 1, f"{name}_conv2"), f"{name}_bn2")
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, shortcut]))


def _convolution(x: keras.KerasTensor, filters: int, kernel: int, stride: int, name: str) -> keras.KerasTensor:
    padding = "same"
    if stride > 1 and kernel > 1:
        x = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        padding = "valid"
    # One initialiser for each layer: one that is used twice gives the same numbers twice.
    start = keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal")
    return keras.layers.Conv2D(
        filters, kernel, strides=stride, padding=padding, use_bias=False, kernel_initializer=start, name=name
    )(x)


def _normalization(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=name)(x)
