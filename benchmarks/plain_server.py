"""The plain way to serve a Keras model: FastAPI, and `predict` for each request. `PLAIN_SERVER_CATEGORIES` is how many.

Run by uvicorn in a process of its own. The same backbone as Thimble's cheapest, and a head of as many categories,
untrained, since only the time counts. Photos are decoded and cropped as Thimble does.
"""

import os
from typing import Annotated

import keras
import numpy as np
from fastapi import FastAPI, File

from core.data.photo import decode_image
from core.model.backbones import BACKBONES, DEFAULT
from core.model.efficientnet_lite import build
from core.model.views import crop

SIDE = BACKBONES[DEFAULT].pixels


def _model() -> keras.Model:
    backbone = build(BACKBONES[DEFAULT], input_dtype="uint8")
    head = keras.layers.Dense(int(os.environ["PLAIN_SERVER_CATEGORIES"]), activation="softmax")
    return keras.Model(backbone.input, head(backbone.output))


app = FastAPI()
model = _model()
model.predict(np.zeros((1, SIDE, SIDE, 3), np.uint8), verbose=0)


@app.post("/predict")
def predict(file: Annotated[bytes, File()]) -> dict[str, float]:
    """The probability of each category."""
    probabilities = model.predict(crop(decode_image(file), SIDE)[np.newaxis], verbose=0)[0]
    return {str(number): float(each) for number, each in enumerate(probabilities)}
