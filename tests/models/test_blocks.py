from kerasdr.models.blocks import layers_by_block


def test_a_dense_block_ends_with_its_transition() -> None:
    names = [
        "conv1_conv",
        "pool1",
        "conv2_block1_0_bn",
        "conv2_block1_concat",
        "pool2_bn",
        "pool2_pool",
        "conv3_block1_0_bn",
    ]
    assert layers_by_block(names) == {
        "conv1": ("conv1_conv", "pool1"),
        "dense_block_1": ("conv2_block1_0_bn", "conv2_block1_concat", "pool2_bn", "pool2_pool"),
        "dense_block_2": ("conv3_block1_0_bn",),
    }


def test_numbered_layers_go_with_those_before_them() -> None:
    names = ["normalization", "block1_conv1", "conv2d_94", "add_18", "block2_conv1", "add_19"]
    assert layers_by_block(names) == {
        "block1": ("normalization", "block1_conv1", "conv2d_94", "add_18"),
        "block2": ("block2_conv1", "add_19"),
    }
    assert layers_by_block(["conv2d", "mixed0", "conv2d_1", "mixed9_0", "mixed9", "last"]) == {
        "mixed0": ("conv2d", "mixed0"),
        "mixed9": ("conv2d_1", "mixed9_0", "mixed9", "last"),
    }


def test_names_of_no_known_kind() -> None:
    assert layers_by_block(["conv2d", "relu"]) == {}
