"""What answers of models, and about them, hold."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from core.serve.routes.replies import Given, Interval

Share = Annotated[float, Field(ge=0, le=1)]


class Model(BaseModel):
    """What the version that answers knows, and how good it is; it also says when a photo shows none of these."""

    id: str
    name: str
    version: int
    mode: Literal["fast", "best"]
    categories: list[str]
    photos: int
    accuracy: float
    accuracy_interval: Interval
    in_words: str
    trained_at: datetime


class ModelUsed(BaseModel):
    id: str
    version: int
    mode: Literal["fast", "best"]


class Nearest(BaseModel):
    """A photo that the model learnt from: how alike it is (cosine, 0 to 1), and a small JPEG of it as a data URI."""

    category: str
    sha256: str
    similarity: float
    thumbnail: str


class Prediction(BaseModel):
    """`label` is null when the photo shows none of the categories; `most_like` is the likeliest one all the same.

    `nearness` is the share of real photos that are at least as strange. `heat_map` is a JPEG as a data URI.
    """

    name: str
    label: str | None
    is_none: bool
    most_like: str
    probability: Share
    nearness: Share
    scores: dict[str, float]
    nearest: list[Nearest] = []
    heat_map: str = ""


class RefusedPhoto(BaseModel):
    """A photo among several that cannot be used, and why."""

    name: str
    error: str


class Predictions(BaseModel):
    model: ModelUsed
    milliseconds: float
    predictions: list[Prediction | RefusedPhoto]


class Correction(Given):
    """A photo that was answered wrongly, waiting for the owner; `right` is what its sender says it shows."""

    id: int
    name: str
    sha256: str
    answered: str
    probability: float
    is_none: bool
    right: str
    origin: Literal["try", "link", "api"]
    version: int
    at: datetime


class Corrections(Given):
    corrections: list[Correction]


class Settled(BaseModel):
    """How many corrections are settled now."""

    count: int
