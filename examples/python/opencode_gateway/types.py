"""Types of what the gateway takes and answers, named as on the wire."""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, TypedDict, Union


class Usage(TypedDict):
    """Tokens and cost."""

    input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float


class _Numbered(TypedDict):
    trace_id: Optional[str]
    seq: int


class TextReply(_Numbered):
    """Piece of the answer (``delta``), or of the model's reasoning (``reasoning``)."""

    kind: Literal["delta", "reasoning"]
    content: str


class ToolCallReply(_Numbered):
    """Call of a tool, with its input."""

    kind: Literal["tool_call"]
    call_id: str
    tool: str
    args: Dict[str, Any]


class ToolResultReply(_Numbered):
    """End of a tool's call."""

    kind: Literal["tool_result"]
    call_id: str
    tool: str
    result: str
    success: bool


class FinalReply(_Numbered):
    """Whole answer: the last reply of a turn that succeeded."""

    kind: Literal["final"]
    content: str
    finish_reason: Optional[str]
    usage: Usage


class _ErrorReply(_Numbered):
    kind: Literal["error"]
    error: str
    code: str
    retryable: bool


class ErrorReply(_ErrorReply, total=False):
    """Failure in one line that is safe to show: the last reply of a turn that failed."""

    partial: str


TerminalReply = Union[FinalReply, ErrorReply]
Reply = Union[TextReply, ToolCallReply, ToolResultReply, FinalReply, ErrorReply]


class Attachment(TypedDict, total=False):
    """File of a turn; ``data`` is base64."""

    mime: str
    data: str
    filename: str


class Model(TypedDict):
    """Model with its provider."""

    provider_id: str
    model_id: str


class _TurnText(TypedDict):
    text: str


class TurnInput(_TurnText, total=False):
    """Input of a turn. Only ``text`` is required."""

    session_id: str
    system: str
    model: Union[str, Model]
    agent: str
    directory: str
    attachments: List[Attachment]
    trace_id: Optional[str]
    deadline_ms: int
    stall_ms: int
    max_retries: int
    priority: int
    resume: bool
    variant: str
    tools: Dict[str, bool]
    context: Any
    output: Dict[str, Any]
    on_permission: Literal["reject", "once", "always", "ask"]
    on_question: Literal["reject", "ask"]
    on_disconnect: Literal["continue", "cancel"]


class Turn(TypedDict):
    """State of a turn. ``reply`` is null before the end."""

    turn_id: str
    agent: str
    session_id: Optional[str]
    trace_id: Optional[str]
    state: Literal["queued", "running", "done"]
    created_at: str
    ended_at: Optional[str]
    last_seq: int
    reply: Optional[TerminalReply]
    usage: Usage


class PendingRequest(TypedDict):
    """Permission or question that waits for an answer. Times are in ms since 1970."""

    request: Dict[str, Any]
    turn_id: str
    trace_id: Optional[str]
    at: float
    expires_at: float
    agent_id: str
    tenant: str


class UsageRow(TypedDict):
    """Sum of the turns of one agent, tenant, day or model."""

    key: str
    turns: int
    usage: Usage


class AgentStatus(TypedDict, total=False):
    """State of an agent's server."""

    id: str
    tenant: str
    state: str
    reason: str
    restarts: int
    error: Dict[str, str]


class _AgentName(TypedDict):
    id: str
    status: AgentStatus


class Agent(_AgentName, total=False):
    """Agent: its spec without secrets, and its status. Further fields are those of the spec."""

    tenant: str
    labels: Dict[str, str]
    models: List[Any]
