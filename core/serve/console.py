"""The commands that work on the projects of the store, as the pages and the API do."""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, get_args

from core.data.photo import Refused
from core.data.store import ApiKey, Project, Scope, Store
from core.errors import BadInput, NotFound
from core.serve.terminal import Bar, Said, left_out, set_aside

PORT = 8502  # beside the pages, which Streamlit serves on 8501

_PROJECT = "its id, or its name where no other has it"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Have the parser know these commands; each sets `run`, which takes the options."""
    command = commands.add_parser("serve", help="the HTTP API and the shared pages, without the app")
    command.add_argument("--host", default="127.0.0.1", help="default: %(default)s, this computer only")
    command.add_argument("--port", type=int, default=PORT, help="default: %(default)s")
    command.set_defaults(run=serve)

    command = commands.add_parser("projects", help="the projects that there are")
    command.set_defaults(run=projects)

    command = commands.add_parser("key", help="a key for programs, or for signing in from another computer")
    command.add_argument("--project", metavar="PROJECT", help=f"{_PROJECT}; without it the key is the owner's")
    command.add_argument("--scope", choices=get_args(Scope), help="default: predict; an owner's key may everything")
    command.add_argument("--name", default="", help="what it is for")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--list", action="store_true", help="the keys that there are, instead of a new one")
    which.add_argument("--revoke", type=int, metavar="ID", help="have this key open nothing any more")
    command.set_defaults(run=key)

    command = commands.add_parser("export", help="a model for other programs")
    command.add_argument("--project", metavar="PROJECT", required=True, help=_PROJECT)
    command.add_argument("--format", nargs="+", metavar="FORMAT", default=["onnx"], help="default: onnx")
    command.add_argument("--version", type=int, metavar="N", help="default: the one that answers")
    command.add_argument("--out", metavar="FOLDER", required=True, help="where the zips are written")
    command.set_defaults(run=export)

    command = commands.add_parser("backup", help="a project as one file")
    command.add_argument("project", metavar="PROJECT", help=_PROJECT)
    command.add_argument("file", metavar="FILE")
    command.set_defaults(run=backup)

    command = commands.add_parser("restore", help="a project from a backup, a zip, a folder or Teachable Machine")
    command.add_argument("file", metavar="FILE", help="or a folder whose sub-folders name the categories")
    command.set_defaults(run=restore)


def serve(options: argparse.Namespace) -> Said:
    """Serve until stopped."""
    from core.serve.run import serve as serve_until_stopped  # the server takes long to import

    serve_until_stopped(options.host, options.port)
    return Said({}, ["Stopped."])


def projects(options: argparse.Namespace) -> Said:
    """Ids and names, newest first."""
    with closing(Store.from_environment()) as store:
        found = store.projects()
    result = [{"id": each.id, "name": each.name, "created_at": _moment(each.created_at)} for each in found]
    return Said(result, [f"{each.id}  {each.name}" for each in found] or ["There is no project yet."])


def key(options: argparse.Namespace) -> Said:
    """A new key, whose secret is printed this once; or what keys there are; or one less."""
    with closing(Store.from_environment()) as store:
        project = _project(store, options.project) if options.project else None
        if options.revoke is not None:
            return _revoke(store, options.revoke, project)
        if options.list:
            keys = store.access.keys(project.id if project else None)
            return Said([_told(each) for each in keys], [_in_words(each) for each in keys] or ["There is no key."])
        return _add_key(store, options, project)


def _add_key(store: Store, options: argparse.Namespace, project: Project | None) -> Said:
    if project is None and options.scope == "predict":
        raise BadInput("An owner's key may do everything.", hint="Give --project for one that may only predict.")
    project_id = project.id if project else None
    made, secret = store.access.add_key(project_id, options.name or "from a shell", options.scope or "predict")
    what = f"may {made.scope} with '{project.name}'" if project else "is the owner's: it may do everything"
    words = [secret, f"This key {what}. It is shown only now; key {made.id} is how to revoke it."]
    return Said({**_told(made), "secret": secret}, words)


def _revoke(store: Store, key_id: int, project: Project | None) -> Said:
    places = [project] if project else [None, *store.projects()]
    if all(key_id != known.id for place in places for known in store.access.keys(place.id if place else None)):
        raise NotFound(f"There is no key {key_id}.", hint="--list shows those that there are.")
    store.access.revoke_key(key_id)
    return Said({"revoked": key_id}, [f"Key {key_id} opens nothing any more."])


def export(options: argparse.Namespace) -> Said:
    """Make a version in some formats, each proven equal or refused, and copy what was made to a folder."""
    from core.serve.export import export_model

    with closing(Store.from_environment()) as store:
        project = _project(store, options.project)
        told = export_model(
            store, project.id, options.format, version=options.version, home=store.home, on_progress=Bar.draw
        )
        Bar.clear()
        version, made, refused = int(str(told["version"])), told["made"], told["refused"]
        assert isinstance(made, dict)
        assert isinstance(refused, list)
        not_made = [Refused(**item) for item in refused]
        if not made:
            raise BadInput(" ".join(f"{item.name}: {item.reason}" for item in not_made))
        out = Path(options.out)
        files = {name: out / f"{name}.zip" for name in made}
        with _plain_words(out):
            out.mkdir(parents=True, exist_ok=True)
            for name, file in files.items():
                file.write_bytes(store.exports.read(project.id, version, name))
    words = [f"Version {version} of '{project.name}' is in {file}" for file in files.values()]
    return Said({**told, "files": {name: str(file) for name, file in files.items()}}, [*words, *left_out(not_made)])


def backup(options: argparse.Namespace) -> Said:
    """Write the file whole or not at all."""
    from core.serve.backup import backup as write_backup

    path = Path(options.file)
    with closing(Store.from_environment()) as store:
        project = _project(store, options.project)
        if path.exists() and not _holds_backup(path):
            raise BadInput(f"'{path}' exists and is no backup.", hint="Give another path.")
        size = _write_whole(path, lambda file: write_backup(store, project.id, file))
    words = [f"'{project.name}' is in {options.file} ({size / 1e6:.1f} MB). Keys and links are not in it."]
    return Said({"project": project.id, "file": options.file, "bytes": size}, words)


def restore(options: argparse.Namespace) -> Said:
    """A new project of what the file or folder holds."""
    from core.serve.imports import import_folder, import_project

    path = Path(options.file)
    with closing(Store.from_environment()) as store:
        if path.is_dir():
            imported = import_folder(store, path, on_progress=Bar.draw)
        else:
            with _opened(path) as file:
                imported = import_project(store, file, path.name, on_progress=Bar.draw)
    Bar.clear()
    project = imported.project
    result = {
        "project": project.id,
        "name": project.name,
        "photos": imported.added,
        "set_aside": set_aside(imported.refused),
    }
    photos = f"{imported.added:,} photo{'' if imported.added == 1 else 's'}"
    return Said(result, [f"Made '{project.name}' with {photos}: {project.id}", *left_out(imported.refused)])


def _project(store: Store, text: str) -> Project:
    """The one of this id or name. Raises NotFound, and BadInput when several have the name."""
    known = store.projects()
    found = [each for each in known if each.id == text] or [
        each for each in known if each.name.casefold() == text.casefold()
    ]
    if not found:
        raise NotFound(f"There is no project '{text}'.", hint="'python -m core projects' lists those that there are.")
    if len(found) > 1:
        raise BadInput(f"{len(found)} projects are named '{text}'.", hint="Give the id of one of them.")
    return found[0]


def _told(known: ApiKey) -> dict[str, object]:
    """Ready for JSON."""
    moments = {"created_at": _moment(known.created_at), "used_at": known.used_at and _moment(known.used_at)}
    return {**asdict(known), **moments}


def _in_words(known: ApiKey) -> str:
    used = f"last used {known.used_at:%Y-%m-%d}" if known.used_at else "never used"
    return f"{known.id}  {known.start}…  {known.scope}  {known.name}, made {known.created_at:%Y-%m-%d}, {used}"


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(
            f"'{path}' cannot be opened: {error.strerror}.", hint="Check the spelling of the path."
        ) from error


def _holds_backup(path: Path) -> bool:
    from core.serve.restore import is_backup

    with suppress(BadInput), _opened(path) as file:
        return is_backup(file)
    return False


def _write_whole(path: Path, write: Callable[[BinaryIO], None]) -> int:
    """All of the file or none: written beside, then renamed into place. Its size in bytes."""
    with _plain_words(path), tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        beside = Path(folder, "file")
        with beside.open("wb") as file:
            write(file)
        return beside.replace(path).stat().st_size


@contextmanager
def _plain_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"'{path}' cannot be written: {error.strerror}.", hint="Give another path.") from error
