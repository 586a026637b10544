"""The address that people know, where it is another than the one that a request came by."""

import os
from urllib.parse import urlsplit

from starlette.requests import Request

from core.errors import BadInput


def public_address() -> str:
    """THIMBLE_PUBLIC_URL without a slash at its end; "" where it is not set. Raises BadInput for no address."""
    public = os.environ.get("THIMBLE_PUBLIC_URL", "").strip()
    if not public:
        return ""
    try:
        parts = urlsplit(public)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(
            f"THIMBLE_PUBLIC_URL is '{public}', which is no address.",
            hint="Set it to one like https://thimble.example.org, and start Thimble again.",
        )
    return public.rstrip("/")


def reached_at(request: Request) -> str:
    """Where others reach the app: the address that people know, else the one that this request came by."""
    return public_address() or f"{request.url.scheme}://{request.url.netloc}"
