"""The API's documents as a page to read: made from the OpenAPI on the server, with nothing to load from elsewhere."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from core.serve.guard import FORM, JSON, SCHEME
from core.serve.openapi import PREFIX
from core.serve.problems import KINDS, MEDIA_TYPE, Kind
from core.serve.routes.bodies import LARGEST
from core.serve.snippets import NO_KEY

Schema = Mapping[str, Any]

WHO = {
    "predict": "a key to predict, or any greater one",
    "manage": "a key to manage the project, or the owner's",
    "owner": "the owner's key",
}
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters at most",
    "minItems": "{} or more",
    "maxItems": "{} at most",
}


@dataclass(frozen=True)
class Field:
    """A parameter or a field: its name, type, whether it must be there, and what else is to be said, as markup."""

    name: str
    type: Markup
    required: bool
    words: str


@dataclass(frozen=True)
class Operation:
    """What can be done at a path, and a line for a shell that does it."""

    id: str
    method: str
    path: str
    title: str
    words: Markup
    who: str
    parameters: tuple[Field, ...]
    bodies: tuple[tuple[str, Markup, tuple[Field, ...]], ...]  # each type with its schema or its fields
    answers: tuple[tuple[str, str, Markup], ...]  # status, media type, schema
    problems: str
    curl: str


@dataclass(frozen=True)
class Docs:
    """All that the page shows: the operations by their tags, the shapes of bodies, and the kinds of problems."""

    about: tuple[Markup, ...]
    operations: dict[str, list[Operation]]
    shapes: dict[str, tuple[Markup, tuple[Field, ...]]]
    kinds: dict[str, Kind]


def read_docs(document: Mapping[str, Any], address: str) -> Docs:
    """What the OpenAPI document says; `address` is where this app is reached, without a slash at its end."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    operations: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            operations.setdefault(told["tags"][0], []).append(_operation(path, method, told, schemas, address))
    shapes = {
        name: (_prose(str(schema.get("description", ""))), _fields(schema))
        for name, schema in sorted(schemas.items())
        if "properties" in schema and not name.startswith("Body_")
    }
    about = tuple(_prose(part) for part in document["info"]["description"].split("\n\n"))
    return Docs(about, operations, shapes, KINDS)


def _operation(path: str, method: str, told: Schema, schemas: Mapping[str, Schema], address: str) -> Operation:
    title, _, words = str(told.get("description", "")).partition(".")
    bodies = _bodies(told, schemas)
    answers, problems = [], []
    for status, answer in told["responses"].items():
        for media, content in answer.get("content", {"": {"schema": {}}}).items():
            if media == MEDIA_TYPE:
                problems.append(status)
            else:
                answers.append((status, media, _type(content.get("schema", {}))))
    return Operation(
        id=told["operationId"],
        method=method.upper(),
        path=PREFIX + path,
        title=title,
        words=_prose(words.strip()),
        who=WHO[told["security"][0][SCHEME][0]],
        parameters=tuple(_parameter(each) for each in told.get("parameters", [])),
        bodies=tuple(bodies),
        answers=tuple(answers),
        problems=", ".join(sorted(problems)),
        curl=_curl(path, method, told, schemas, address),
    )


def _parameter(told: Schema) -> Field:
    schema = told["schema"]
    words = [f"in the {told['in']}", *filter(None, (told.get("description", ""), _bounds(schema)))]
    return Field(told["name"], _type(schema), told.get("required", False), "; ".join(words))


def _bodies(told: Schema, schemas: Mapping[str, Schema]) -> list[tuple[str, Markup, tuple[Field, ...]]]:
    found = []
    for media, content in told.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        if media == FORM:
            found.append((media, Markup(), _fields(_resolved(schema, schemas))))
        else:
            found.append((media, _type(schema), ()))
    return found


def _fields(schema: Schema) -> tuple[Field, ...]:
    required = schema.get("required", [])
    return tuple(
        Field(name, _type(each), name in required, _bounds(each)) for name, each in schema["properties"].items()
    )


def _type(schema: Schema) -> Markup:
    """A type in words, with links to the shapes that it names."""
    if "$ref" in schema:
        name = _name(schema)
        return Markup('<a href="#{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return Markup(" or ").join(Markup("<code>{}</code>").format(json.dumps(each)) for each in schema["enum"])
    kind = schema.get("type", "")
    if kind == "array":
        return Markup("list of ") + _type(schema["items"])
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return Markup("object of ") + (_type(schema["additionalProperties"]) or Markup("anything"))
    if schema.get("format") == "binary":
        return Markup("file")
    return escape(schema.get("format", kind))


def _prose(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    parts = " ".join(text.split()).split("`")
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if at % 2 else escape(part) for at, part in enumerate(parts))


def _bounds(schema: Schema) -> str:
    options = [schema, *schema.get("anyOf", [])]
    words = [
        text.format(each[key]) for each in options for key, text in BOUNDS.items() if each.get(key, LARGEST) != LARGEST
    ]
    if "default" in schema:
        words.append(f"{json.dumps(schema['default'])} unless named")
    return ", ".join(words)


def _curl(path: str, method: str, told: Schema, schemas: Mapping[str, Schema], address: str) -> str:
    parts = ["curl"]
    if method not in ("get", "post") or (method == "post" and "requestBody" not in told):
        parts.append(f"-X {method.upper()}")
    parts.append(f"-H 'Authorization: Bearer {NO_KEY}'")
    content = told.get("requestBody", {}).get("content", {})
    if FORM in content:
        schema = _resolved(content[FORM]["schema"], schemas)
        for name in schema.get("required", [next(iter(schema["properties"]))]):
            is_file = _is_file(schema["properties"][name])
            parts.append(f"-F {name}=@photo.jpg" if is_file else f"-F {shlex.quote(f'{name}=fox')}")
    elif JSON in content:
        example = json.dumps(_example(content[JSON]["schema"], schemas))
        parts.append(f"-H 'Content-Type: {JSON}' -d {shlex.quote(example)}")
    if any(media not in (JSON, MEDIA_TYPE) for media in told["responses"].get("200", {}).get("content", {})):
        parts.append("-OJ")
    return " \\\n  ".join([*parts, shlex.quote(f"{address}{PREFIX}{path}")])


def _is_file(schema: Schema) -> bool:
    return bool(schema.get("format") == "binary" or _is_file_list(schema))


def _is_file_list(schema: Schema) -> bool:
    return schema.get("type") == "array" and bool(schema["items"].get("format") == "binary")


def _example(schema: Schema, schemas: Mapping[str, Schema], name: str = "") -> Any:
    schema = _resolved(schema, schemas)
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas, name)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        properties: Mapping[str, Schema] = schema.get("properties", {})
        wanted: Sequence[str] = schema.get("required") or list(properties)[:1]
        return {each: _example(properties[each], schemas, each) for each in wanted}
    if kind == "array":
        return [_example(schema["items"], schemas, name)]
    if kind == "string":
        return {"date-time": "2031-01-01T00:00:00Z"}.get(str(schema.get("format")), EXAMPLES.get(name, "fox"))
    return {"integer": 1, "number": 0.05, "boolean": True}.get(str(kind))


EXAMPLES = {
    "addresses": "https://example.org/fox.jpg",
    "formats": "onnx",
    "image": "…base64…",
}


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    return schemas[_name(schema)] if "$ref" in schema else schema


def _name(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
