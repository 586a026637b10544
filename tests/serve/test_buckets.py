"""How often somebody may ask, with a clock that the test turns."""

from core.serve.buckets import MOST_KEYS, Buckets


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_only_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(2.0, 3, now=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.25
    assert buckets.take("a") == 0.25
    clock.now += 0.25
    assert [buckets.take("a"), buckets.take("a")] == [0, 0.5]
    clock.now += 60
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_each_key_has_its_own() -> None:
    buckets = Buckets(1.0, 1, now=Clock())
    assert [buckets.take(key) for key in ("a", "b", "a")] == [0, 0, 1]


def test_no_more_keys_are_remembered_than_fit_and_those_in_use_stay() -> None:
    buckets = Buckets(1.0, 1, now=Clock())
    buckets.take("in use")
    for number in range(MOST_KEYS + 10):
        buckets.take(str(number))
        assert buckets.take("in use") == 1
    assert len(buckets._buckets) == MOST_KEYS
