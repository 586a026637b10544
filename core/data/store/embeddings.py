"""Embeddings kept by picture and recipe, so that nothing is embedded twice."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from core.data.store.tables import chunks, embeddings

Embedding = tuple[NDArray[np.float32], int]  # float32 (features,), and the picture's 64-bit fingerprint


class StoredEmbeddings:
    """`recipe` names everything that an embedding depends on besides the picture; safe to share."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)

    def get(self, recipe: str, sha256s: Sequence[str]) -> dict[str, Embedding]:
        """Those that are known, by SHA-256."""
        columns = select(embeddings.c.sha256, embeddings.c.vector, embeddings.c.fingerprint)
        known: dict[str, Embedding] = {}
        with self._reading.connect() as connection:
            for some in chunks(sha256s):
                rows = connection.execute(columns.where(embeddings.c.recipe == recipe, embeddings.c.sha256.in_(some)))
                for sha256, vector, fingerprint in rows:
                    known[sha256] = np.frombuffer(vector, "<f4").astype(np.float32), fingerprint % 2**64
        return known

    def put(self, recipe: str, known: Mapping[str, Embedding]) -> None:
        """Keep these, in place of older ones."""
        for some in chunks(list(known)):
            rows = [
                {
                    "recipe": recipe,
                    "sha256": sha256,
                    "vector": np.asarray(known[sha256][0]).astype("<f4").tobytes(),
                    "fingerprint": _signed(int(known[sha256][1])),
                }
                for sha256 in some
            ]
            # On a database that lets two writers in at once, the other one has just put the same.
            with suppress(IntegrityError), self._engine.begin() as connection:
                connection.execute(
                    delete(embeddings).where(embeddings.c.recipe == recipe, embeddings.c.sha256.in_(some))
                )
                connection.execute(insert(embeddings), rows)


def _signed(fingerprint: int) -> int:
    """Databases have signed numbers only: the same 64 bits, read so."""
    return fingerprint - 2**64 if fingerprint >= 2**63 else fingerprint
