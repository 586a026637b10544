"""The rules of the house: data flows one way, and each door stands where it belongs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ["errors", "data", "model", "jobs", "serve", "__main__"]  # a room imports from those before it, never after


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Each module that a file imports, and whether it is imported at once rather than inside a function."""
    tree = ast.parse(path.read_text())
    at_once = {id(node) for node in _outside_functions(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in at_once


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _outside_functions(child)


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def room(path: Path) -> str:
    inside = path.relative_to(ROOT / "core")
    return inside.parts[0].removesuffix(".py")


def test_core_never_imports_streamlit_or_pages() -> None:
    for path in files("core"):
        for module, _ in imports(path):
            assert module.split(".")[0] not in {"streamlit", "pages"}, f"{path} imports {module}"


def test_core_imports_one_way() -> None:
    assert len(files("core")) > 10
    for path in files("core"):
        if path == ROOT / "core" / "__init__.py":
            continue
        for module, _ in imports(path):
            if module.startswith("core."):
                wanted = module.split(".")[1]
                assert ORDER.index(wanted) <= ORDER.index(room(path)), f"{path} imports {module}"


def test_only_the_store_speaks_to_the_database_and_builds_paths_in_it() -> None:
    for path in files("core") + files("pages"):
        for module, _ in imports(path):
            if module.split(".")[0] in {"sqlalchemy", "fsspec", "sqlite3"}:
                assert path.parent == ROOT / "core" / "data" / "store", f"{path} imports {module}"


def test_only_the_searches_and_the_downloader_speak_to_the_network() -> None:
    data = ROOT / "core" / "data"
    doors = {data / "download.py", data / "transport.py", data / "addresses.py", *files("core/data/search")}
    for path in {*files("core"), *files("pages")} - doors:
        for module, _ in imports(path):
            network = {
                "httpx2",
                "httpcore2",
                "requests",
                "urllib3",
                "aiohttp",
                "ddgs",
                "primp",
                "socket",
                "ssl",
            }
            assert module.split(".")[0] not in network, f"{path} imports {module}"
            assert module not in {"urllib.request", "http.client"}, path


@pytest.mark.parametrize("folder", ["core", "pages"])
def test_tensorflow_is_never_imported_at_once(folder: str) -> None:
    for path in files(folder):
        for module, at_once in imports(path):
            heavy = module.split(".")[0] in {"tensorflow", "keras"}
            assert not (heavy and at_once), f"{path} imports {module} whether or not it is needed"


def test_importing_every_page_and_the_whole_core_loads_no_tensorflow() -> None:
    code = (
        "import sys, core.__main__, core.jobs, core.serve.api, pages.home, pages.categories, pages.photos, pages.train;"
        "import pages.try_it, pages.share, pages.review;"
        "heavy = {'tensorflow', 'keras', 'scipy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
