"""Other ways to ask for the same thing, for a category that is short of photos; the person edits them."""

import re

_FORMS = ("photo of {}", "{} close up", "{} from the side", "{} outdoors", "{} in the wild")
_IRREGULAR = {
    "calf": "calves",
    "child": "children",
    "foot": "feet",
    "goose": "geese",
    "half": "halves",
    "knife": "knives",
    "leaf": "leaves",
    "loaf": "loaves",
    "man": "men",
    "mouse": "mice",
    "person": "people",
    "potato": "potatoes",
    "scarf": "scarves",
    "shelf": "shelves",
    "tomato": "tomatoes",
    "tooth": "teeth",
    "wolf": "wolves",
    "woman": "women",
}
_SINGULAR = {plural: singular for singular, plural in _IRREGULAR.items()}
_SAME = {"bison", "deer", "fish", "moose", "salmon", "sheep", "shrimp", "trout"}


def phrases(name: str) -> list[str]:
    """Search phrases beside the name itself, the likeliest first; [] for a blank name.

    The other number of the last word comes first where English has a rule for it; the forms after it serve any
    language, since searches understand these words beside a foreign one.
    """
    tidy = " ".join(name.split())
    if not tidy:
        return []
    first, _, last = tidy.rpartition(" ")
    other = _other_number(last)
    offered = [f"{first} {other}".strip()] if other else []
    return offered + [form.replace("{}", tidy) for form in _FORMS]


def _other_number(word: str) -> str:
    """The plural of a singular and the other way round; "" for what has none or is not plain English."""
    lower = word.lower()
    is_plain = word.isascii() and word.isalpha() and len(word) > 2
    if not is_plain or word.isupper() or lower in _SAME:  # capitals are an abbreviation
        return ""
    irregular = _IRREGULAR.get(lower) or _SINGULAR.get(lower)
    if irregular:
        return word[0] + irregular[1:] if irregular[0] == lower[0] else irregular
    if re.search(r"[^aeiou]ies$", lower) and len(word) > 4:
        return f"{word[:-3]}y"
    if re.search(r"(x|ch|sh|ss|zz)es$", lower):
        return word[:-2]
    if re.search(r"[^sui]s$", lower):
        return word[:-1]
    if re.search(r"(s|x|z|ch|sh)$", lower):
        return f"{word}es"
    return f"{word[:-1]}ies" if re.search(r"[^aeiou]y$", lower) else f"{word}s"
