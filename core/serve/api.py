"""The HTTP API, on its own or beside the pages."""

import os

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from core.errors import AppError
from core.serve import openapi, problems
from core.serve.address import reached_at
from core.serve.docs import read_docs
from core.serve.guard import Guard
from core.serve.pages import page
from core.serve.routes import access, corrections, exports, models, photos, projects, versions, work
from core.serve.share import share_routes
from core.serve.state import State

# The most asked first, since paths are compared in turn.
ROUTERS = (models, projects, photos, work, versions, corrections, exports, access)


def create_api(state: State) -> FastAPI:
    """What is mounted at /api. Raises BadInput when THIMBLE_RATE cannot be used."""
    api = FastAPI(
        title="Thimble",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    api.state.opened = state
    api.state.guard = Guard(state.store)
    for each in ROUTERS:
        api.include_router(each.router)
    api.add_route("/openapi.json", _openapi, include_in_schema=False)
    api.add_route("/docs", _docs, include_in_schema=False)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(AppError, problems.of_app_error)
    api.add_exception_handler(RequestValidationError, problems.of_invalid)
    api.add_exception_handler(Exception, problems.of_unexpected)
    origins = [each.strip() for each in os.environ.get("THIMBLE_CORS", "").split(",") if each.strip()]
    if origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    return api


def create_app(state: State) -> Starlette:
    """All that is served without the pages: the API, shared pages, and a page that says what is where."""
    routes = [Mount(openapi.PREFIX, create_api(state)), *share_routes(state), Route("/", _start)]
    return Starlette(routes=routes, exception_handlers={HTTPException: problems.of_http_error})


def _operation_id(route: APIRoute) -> str:
    return route.name


async def _openapi(request: Request) -> Response:
    return JSONResponse(openapi.document(request.app))


async def _docs(request: Request) -> Response:
    return page("docs.html", docs=read_docs(openapi.document(request.app), reached_at(request)))


async def _start(request: Request) -> Response:
    return page("start.html")


async def _http_error(request: Request, error: Exception) -> Response:
    answer = problems.of_http_error(request, error)
    if answer.status_code == 405:
        answer.headers["Allow"] = ", ".join(_allowed(request))
    return answer


def _allowed(request: Request) -> list[str]:
    """What can be done at this path: the framework itself names one operation only."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    routes = [*request.app.router.routes, *(route for each in ROUTERS for route in each.router.routes)]
    here = [route for route in routes if isinstance(route, Route) and route.path_regex.match(path)]
    return sorted({method for route in here for method in route.methods or ()})
