"""What is asked of the database again and again, kept for as long as nobody writes to it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine

MOST = 1000  # answers that are kept; wrong keys must not fill the memory

Args = TypeVarTuple("Args")
Rows = TypeVar("Rows")


class Kept:
    """Reads rows; asked the same again, it reads them anew only if somebody wrote meanwhile, in whatever process.

    SQLite tells by a number, which belongs to the connection that asks for it
    (https://www.sqlite.org/pragma.html#pragma_data_version). Other databases are asked each time. Threads may share it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._idle: list[_Reader] = []  # as many as there ever were threads at once

    def read(self, rows: Callable[[Connection, *Args], Rows], *args: *Args) -> Rows:
        """What `rows(connection, *args)` gives, which nobody may change; raises what that raises."""
        if self._engine.dialect.name != "sqlite":
            return self._rows(rows, *args)
        with self._reader() as reader:
            if reader.was_written() or len(reader.answers) >= MOST:
                reader.answers.clear()
            asked = (rows, args)
            if asked not in reader.answers:
                reader.answers[asked] = self._rows(rows, *args)
            found: Rows = reader.answers[asked]
        return found

    def close(self) -> None:
        """Give the connections back."""
        while self._idle:
            self._idle.pop().close()

    def _rows(self, rows: Callable[[Connection, *Args], Rows], *args: *Args) -> Rows:
        with self._reading.connect() as connection:
            return rows(connection, *args)

    @contextmanager
    def _reader(self) -> "Iterator[_Reader]":
        try:
            reader = self._idle.pop()
        except IndexError:
            reader = _Reader(self._engine)
        try:
            yield reader
        finally:
            self._idle.append(reader)


class _Reader:
    """Answers, and a connection that is told of what others write; used by one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self.answers: dict[tuple[Any, ...], Any] = {}
        self._connection = engine.raw_connection()
        self._connection.detach()  # it stays here, and leaves its place in the pool to others
        self._version: int | None = None

    def was_written(self) -> bool:
        """Whether anything may have been written since this was last asked."""
        before = self._version
        cursor = self._connection.cursor()
        try:
            self._version = cursor.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:  # whoever reads next is told what is wrong
            self._version = None
        finally:
            cursor.close()
        return self._version is None or self._version != before

    def close(self) -> None:
        self._connection.close()
