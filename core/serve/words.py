"""An answer in words for people, the same wherever it is read."""

UNUSUAL = 0.1  # nearness below which an answer is given with a word of warning


def how_sure(probability: float) -> str:
    """The probability (0 to 1) in a word or two, before the figure."""
    for least, words in ((0.95, "almost certain"), (0.8, "quite sure"), (0.6, "rather sure")):
        if probability >= least:
            return words
    return "not sure"


def percent(share: float) -> str:
    """A probability (0 to 1) in per cent; never 100% or 0%, which no model can know."""
    return "over 99%" if share > 0.995 else "under 1%" if share < 0.005 else f"{share:.0%}"
