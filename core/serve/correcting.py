"""An answer that somebody calls wrong, kept with its photo for the owner to look at."""

from core.data.store import Correction, Origin, Store
from core.model.bundle import Prediction
from core.serve.answers import Live


def keep_correction(
    store: Store, live: Live, photo: bytes, answer: Prediction, *, right: str, name: str, origin: Origin
) -> Correction:
    """Have the photo wait with the answer that this version gave and the category that is `right`.

    Raises as `Corrections.add` does.
    """
    return store.corrections.add(
        live.project.id,
        photo,
        name=name,
        answered=answer.label,
        probability=answer.probability,
        is_none=answer.is_none,
        right=right,
        origin=origin,
        version=live.version.number,
    )
