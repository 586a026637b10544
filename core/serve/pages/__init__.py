"""The pages that strangers see: plain HTML, one style sheet, one script, and nothing from elsewhere."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent
STATIC = "/s/static"  # below what the door leaves open to everybody
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}

# Scripts and styles come as files only, so that a name which slipped through as markup could not run; photos are shown
# from the visitor's own memory (blob:) or from within the page (data:).
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address is the secret
    "Cross-Origin-Resource-Policy": "same-origin",
}
HEADERS = ALWAYS | {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Permissions-Policy": "geolocation=(), microphone=()",
}

_templates = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def page(name: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: object) -> Response:
    """The page that the template `name` makes of these values, each escaped, with the headers of all such pages."""
    html = _templates.get_template(name).render(**values)
    return HTMLResponse(html, status, headers=HEADERS | dict(headers or {}))


def address(name: str) -> str:
    """Where a file of this folder is fetched; another content has another address, so that it may be kept for good."""
    return f"{STATIC}/{name}?{hashlib.sha256(FILES[name]).hexdigest()[:12]}"


_templates.globals["address"] = address


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        return Response("There is no such file.", 404, headers=HEADERS, media_type="text/plain")
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(FILES[name], headers=ALWAYS | kept, media_type=TYPES[Path(name).suffix])


file_route = Route(STATIC + "/{name}", _file)
