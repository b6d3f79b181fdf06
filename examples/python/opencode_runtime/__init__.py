"""Drop-in for a host's own runtime: ``OpenCodeServer`` and ``drive_turn``, by a gateway."""

from .adapter import OpenCodeAdapter, OpenCodeConfig
from .server import (
    OpenCodeBinaryNotFoundError,
    OpenCodeServer,
    OpenCodeServerConfig,
    OpenCodeStartError,
)
from .turn import drive_turn

__all__ = [
    "OpenCodeAdapter",
    "OpenCodeBinaryNotFoundError",
    "OpenCodeConfig",
    "OpenCodeServer",
    "OpenCodeServerConfig",
    "OpenCodeStartError",
    "drive_turn",
]
