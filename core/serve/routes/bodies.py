"""What requests hold, checked before anything is done.

Names that are not known are refused, since they are mostly mistyped.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from core.data.dataset import NAME_LIMIT
from core.data.store.web import MOST_WANTED

MOST_PHOTOS = 100  # in one prediction, and addresses fetched in one request
MOST_NEAREST = 5
LARGEST = 2**53  # whole numbers up to here are the same in every language
MOST_ADDRESS = 8_000  # characters

Id = Annotated[int, Field(ge=1, le=LARGEST)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]
Address = Annotated[str, Field(min_length=1, max_length=MOST_ADDRESS)]
Phrases = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=20)]
Several = Annotated[list[Id], Field(min_length=1, max_length=1000)]
Mode = Literal["auto", "fast", "best"]


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def left_out(value: Any) -> Any:
    """A field that need not be there. The documents name no default, so that no client sends one by itself."""
    return Field(value, json_schema_extra=_without_default)


class Sent(BaseModel):
    """What a request holds."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Change(Sent):
    """Fields to change, at least one; those not named stay as they are."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self


class NewProject(Sent):
    name: Name


class ProjectChange(Change):
    """`mode` "auto" leaves the choice to Thimble; `share_refused` of true photos may be called none of these; `maker`
    is whom shared pages and exports name."""

    name: Name = left_out("")
    mode: Mode = left_out("auto")
    share_refused: Annotated[float, Field(gt=0, le=0.5)] = left_out(0.05)
    maker: Annotated[str, Field(max_length=NAME_LIMIT)] = left_out("")


class NewCategory(Sent):
    """`search_for` are phrases to search the web for, in place of the name."""

    name: Name
    search_for: Phrases = []


class CategoryChange(Change):
    name: Name = left_out("")
    search_for: Phrases = left_out([])


class PhotoChange(Change):
    kept: bool = left_out(True)
    category_id: Id = left_out(1)


class Addresses(Sent):
    category_id: Id
    addresses: Annotated[list[Address], Field(min_length=1, max_length=MOST_PHOTOS)]


class Collect(Sent):
    """What to collect; what is not named stays as it was. `category_id` collects `more` photos of that one alone."""

    per_category: Annotated[int, Field(ge=1, le=MOST_WANTED)] | None = None
    openly_licensed: bool | None = None
    safe_search: bool | None = None
    providers: Annotated[list[Literal["duckduckgo", "openverse", "commons"]], Field(min_length=1)] | None = None
    category_id: Id | None = None
    more: Annotated[int, Field(ge=1, le=MOST_WANTED)] = 20


class Images(Sent):
    """Exactly one of the three: a photo in base64 (a data URI will do), several, or the address of one."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    image: str = left_out("")
    images: Annotated[list[str], Field(min_length=1, max_length=MOST_PHOTOS)] = left_out([])
    address: Address = left_out("")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("name exactly one of image, images and address")
        return self


class Accept(Sent):
    """`right` names the category for all of them, in place of what each sender said."""

    ids: Several
    right: Name | None = None


class Reject(Sent):
    ids: Several


class NewKey(Sent):
    """A key to `predict` may ask the model and send corrections; one to `manage` may do all in its project."""

    name: Name
    scope: Literal["predict", "manage"] = "predict"


class NewLink(Sent):
    """`expires_at` names a moment in the future, with its zone; null: never."""

    expires_at: Annotated[AwareDatetime | None, Field(strict=False)] = None


class MakeExports(Sent):
    formats: Annotated[list[str], Field(min_length=1, max_length=20)]
    version: Id | None = None
