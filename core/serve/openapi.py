"""The OpenAPI document: what the framework finds out by itself, and the rest of the truth."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from core.serve.guard import SCHEME
from core.serve.problems import MEDIA_TYPE, ProblemDetails, title_of
from core.serve.routes.bodies import Images
from core.serve.routes.model_replies import Predictions

PREFIX = "/api"
_REF = "#/components/schemas/{model}"
ALWAYS = (401, 403, 404, 429, 500, 503)
WITH_BODY = (400, 413, 415, 422)

ABOUT = """\
Train an image classifier from photos, and ask it what new photos show.

Every operation needs a key in the header `Authorization: Bearer thimble_…`. A key to predict asks one project's
model and sends corrections; a key to manage does all in its project; the owner's key does all in every project.

Errors are problem details (RFC 9457): `detail` says what was wrong, `hint` what to do.
"""


def document(api: FastAPI) -> dict[str, Any]:
    """The document, made at the first call and kept."""
    if api.openapi_schema is None:
        found = get_openapi(
            title="Thimble", version="1", description=ABOUT, routes=api.routes, servers=[{"url": PREFIX}]
        )
        components = found["components"]
        _, extra = models_json_schema(
            [(ProblemDetails, "serialization"), (Images, "validation"), (Predictions, "serialization")],
            ref_template=_REF,
        )
        components["schemas"] |= extra["$defs"]
        components["securitySchemes"] = {
            SCHEME: {"type": "http", "scheme": "bearer", "description": "A key, as the Share page shows it once."}
        }
        for name, schema in components["schemas"].items():
            if name.startswith("Body_"):
                schema["properties"] = {field: _in_form(each) for field, each in schema["properties"].items()}
        for operations in found["paths"].values():
            for operation in operations.values():
                _complete(operation)
        api.openapi_schema = found
    return api.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    """Add the problems that an operation may answer with."""
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _without_null(parameter["schema"])
    statuses = set(ALWAYS)
    if "requestBody" in operation:
        statuses |= set(WITH_BODY)
    if operation.get("parameters") or "requestBody" in operation:
        statuses.add(422)
    for status in sorted(statuses):
        operation["responses"][str(status)] = {
            "description": title_of(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=ProblemDetails.__name__)}}},
        }
    headers = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    operation["responses"]["429"]["headers"] = headers


def _in_form(schema: dict[str, Any]) -> dict[str, Any]:
    """A field of a form, files as every reader of the document knows them."""
    schema = _without_null(schema)
    if schema.pop("contentMediaType", ""):
        schema["format"] = "binary"
    if "items" in schema:
        schema["items"] = _in_form(schema["items"])
    return schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of what may be left out, but has no way to say null: a part of an address or of a form."""
    kinds = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**kept, **kinds[0]}
