"""What an exported model shows to its backbones: every pixel as Thimble itself shows it."""

import os

import numpy as np
import pytest
from PIL import Image

from core.model.views import VIEWS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Smaller, larger and as large as the view, tall, wide, narrow, uneven on both sides; beyond what Thimble stores, too.
SIZES = ((64, 64), (63, 64), (640, 480), (480, 641), (640, 32), (33, 639), (150, 151), (65, 1000), (1300, 1700))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", VIEWS)
def test_every_pixel_is_the_same_at_any_size(name: str) -> None:
    import keras

    from core.serve.export.graph import view

    photo = keras.Input(batch_shape=(1, None, None, 3), dtype="uint8")
    planes = keras.ops.transpose(keras.ops.cast(photo[0], "float32"), (2, 0, 1))
    model = keras.Model(photo, [view(planes, name, side) for side in (64, 97)])
    random = np.random.default_rng(0)
    for height, width in SIZES:
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        pixels[: height // 2] = pixels[: height // 2] // 255 * 255  # half of it as harsh as can be
        for side, shown in zip((64, 97), model(pixels[np.newaxis]), strict=True):
            expected = VIEWS[name](Image.fromarray(pixels), side)
            np.testing.assert_array_equal(np.asarray(shown)[0], expected, f"{height} × {width}")
