"""How much is measured."""

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """`splits` is how many both sides of part d train on; five test each photo once. `sizes` are photos a category.

    A draw deals a set anew into photos to learn from and photos kept out. Fine-tuning takes minutes each time, so it
    has draws and sizes of its own. `forecasts` are photos a category, and how many more are asked about.
    """

    dresses: int = 60  # of each category
    repeats: int = 3
    views: int = 256
    rounds: int = 5
    predictions: int = 400
    epochs: int = 20  # of the guide's head
    splits: int = 2
    spoilings: int = 6
    kept_out: int = 400  # photos, at most, where rivals are scored on them as well
    large_kept_out: int = 2000  # elsewhere
    least_kept_out: int = 100  # for judging an interval
    sizes: tuple[int, ...] = (5, 10, 20)
    draws: int = 3
    teachable_epochs: int = 50
    tuned_sizes: tuple[int, ...] = (5, 20)
    tuned_draws: int = 1
    tuned_epochs: int = 25
    forecasts: tuple[tuple[int, int], ...] = ((10, 10), (10, 20), (20, 10), (20, 20))
    forecast_draws: int = 5
    honest_draws: int = 10
    stranger_size: int = 20
    stranger_draws: int = 3
    strangers: int = 100  # photos of each other set, at most
    left_out: int = 4  # categories in each draw
    chosen_categories: int = 10
    chosen_photos: int = 30  # of each of them
    load_seconds: float = 60
    load_warm_up: float = 3


QUICK = Effort(
    dresses=16,
    repeats=1,
    views=8,
    rounds=2,
    predictions=10,
    epochs=2,
    splits=1,
    spoilings=1,
    kept_out=40,
    large_kept_out=40,
    least_kept_out=4,
    sizes=(5,),
    draws=1,
    teachable_epochs=2,
    tuned_sizes=(5,),
    tuned_epochs=1,
    forecasts=((10, 2),),
    forecast_draws=1,
    honest_draws=1,
    stranger_size=5,
    stranger_draws=1,
    strangers=10,
    left_out=1,
    chosen_categories=3,
    chosen_photos=6,
    load_seconds=3,
    load_warm_up=0.5,
)
