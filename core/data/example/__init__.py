"""The built-in example, which needs no network: is the dress blue and black, or white and gold?"""

from core.data.example.example import CATEGORIES, PHOTOS, Drawing, draw, held_back, make_project, photos

__all__ = ["CATEGORIES", "PHOTOS", "Drawing", "draw", "held_back", "make_project", "photos"]
