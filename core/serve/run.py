"""The API and shared pages in a process of their own."""

import uvicorn

from core.serve.api import create_app
from core.serve.state import state


def serve(host: str, port: int) -> None:
    """Answer there until the person stops it. Raises BadInput when the store or a setting cannot be used."""
    uvicorn.run(create_app(state()), host=host, port=port, log_level="info", access_log=False, server_header=False)
