"""Everything a person has made: rows in a database, pictures and models in files, each behind a URL.

The only SQL, and the only paths, of the project are in this folder; `Store` is its one door.
"""

from core.data.store.models import CHOSEN_BY_PERSON
from core.data.store.records import (
    DROPPED_BY_PERSON,
    KEPT_BY_PERSON,
    Added,
    Category,
    Change,
    Collection,
    Counts,
    Credit,
    Find,
    FindState,
    Job,
    JobState,
    Plan,
    Project,
    RefusedFile,
    SearchRound,
    StoredPhoto,
    Summary,
    Version,
)
from core.data.store.share_records import ApiKey, Correction, Export, Link, Origin, Scope
from core.data.store.store import Store, home_folder, training_fingerprint

__all__ = [
    "CHOSEN_BY_PERSON",
    "DROPPED_BY_PERSON",
    "KEPT_BY_PERSON",
    "Added",
    "ApiKey",
    "Category",
    "Change",
    "Collection",
    "Correction",
    "Counts",
    "Credit",
    "Export",
    "Find",
    "FindState",
    "Job",
    "JobState",
    "Link",
    "Origin",
    "Plan",
    "Project",
    "RefusedFile",
    "Scope",
    "SearchRound",
    "Store",
    "StoredPhoto",
    "Summary",
    "Version",
    "home_folder",
    "training_fingerprint",
]
