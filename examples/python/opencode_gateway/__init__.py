"""Client of the gateway of opencode-runtime. It needs only the standard library."""

from .aio import AsyncGateway, AsyncReplies
from .client import Gateway, attachment
from .errors import (
    AccessError,
    BusyError,
    ConflictError,
    ConnectionFailedError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    ProblemError,
    TurnFailedError,
)
from .replies import Replies

__all__ = [
    "AccessError",
    "AsyncGateway",
    "AsyncReplies",
    "BusyError",
    "ConflictError",
    "ConnectionFailedError",
    "Gateway",
    "GatewayError",
    "InvalidRequestError",
    "NotFoundError",
    "ProblemError",
    "Replies",
    "TurnFailedError",
    "attachment",
]
