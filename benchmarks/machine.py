"""What the benchmarks ran on."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.model.embedder import usable_cores

PACKAGES = ("keras", "numpy", "openvino", "pillow", "tensorflow")


def facts() -> dict[str, Any]:
    """Processor, cores this process may use, memory in gigabytes, system, how busy it is; None if unknown."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_gb": _memory(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def versions() -> dict[str, str]:
    """Python's and the packages' versions."""
    return {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str:
    if package == "tensorflow" and sys.platform == "linux" and platform.machine() == "x86_64":
        package = "tensorflow-cpu"
    return version(package)


def _memory() -> float | None:
    if not hasattr(os, "sysconf"):
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)


def _processor() -> str:
    linux = Path("/proc/cpuinfo")
    if linux.exists():
        for line in linux.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
