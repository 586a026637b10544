"""How a command speaks to a shell: an answer on standard output, and a bar on standard error while it works."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from core.data.photo import Refused


@dataclass(frozen=True)
class Said:
    """A command's answer: `result` is ready for JSON, `words` are its lines for a person."""

    result: object
    words: Sequence[str]

    def say(self, *, as_json: bool) -> None:
        """Print it."""
        print(json.dumps(self.result, ensure_ascii=False) if as_json else "\n".join(self.words))


class Bar:
    """A progress bar on standard error when that is a terminal; silent otherwise."""

    @staticmethod
    def draw(fraction: float, words: str) -> None:
        if sys.stderr.isatty():
            done = round(24 * fraction)
            line = f"[{'█' * done}{'·' * (24 - done)}] {words}"
            print(
                f"\r\x1b[K{line[: os.get_terminal_size(sys.stderr.fileno()).columns - 1]}",
                end="",
                file=sys.stderr,
            )

    @staticmethod
    def clear() -> None:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def set_aside(refused: Sequence[Refused]) -> list[dict[str, str]]:
    """Files that could not be used, for JSON."""
    return [{"file": item.name, "reason": item.reason} for item in refused]


def left_out(refused: Sequence[Refused]) -> list[str]:
    """The same in words."""
    if not refused:
        return []
    count = f"{len(refused)} file{'' if len(refused) == 1 else 's'}"
    return [f"Left out {count}:", *(f"  {item.name}: {item.reason}" for item in refused)]
