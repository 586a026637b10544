"""A trained model in the formats of other programs, each proven to give the same answers before it is handed out."""

from core.serve.export.export import export_model
from core.serve.export.formats import FORMATS, Format

__all__ = ["FORMATS", "Format", "export_model"]
