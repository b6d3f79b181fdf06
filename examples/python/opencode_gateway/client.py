"""Client of the gateway, for threads. ``AsyncGateway`` has the same methods for asyncio."""

from __future__ import annotations

import base64
import mimetypes
import os
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union, cast

from .agents import AgentCalls
from .calls import path_of
from .errors import TurnFailedError
from .replies import Replies, Start
from .types import Attachment, PendingRequest, TerminalReply, Turn, TurnInput, UsageRow

#: Text of a turn, or its whole input.
Input = Union[str, TurnInput]


def attachment(path: Union[str, os.PathLike[str]], mime: Optional[str] = None) -> Attachment:
    """Returns a file as an attachment of a turn. Its type is guessed by its name, if not given."""
    file = Path(path)
    kind = mime or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    data = base64.b64encode(file.read_bytes()).decode()
    return {"mime": kind, "data": data, "filename": file.name}


class Gateway(AgentCalls):
    """A gateway, and the token of its caller.

    ``url`` and ``token`` are read from ``OPENCODE_GATEWAY_URL`` and ``OPENCODE_GATEWAY_TOKEN`` if
    they are not given. ``connect_s`` limits the wait for a connection. ``silence_s`` limits the
    wait for the next byte of an answer; a stream of replies is then opened again. ``retry_s`` is
    the time for which a stream that broke is opened again. All are seconds.

    Methods raise the errors of ``opencode_gateway.errors``.
    """

    def turn(self, agent: str, turn: Input, *, key: Optional[str] = None) -> Replies:
        """Returns the replies of a new turn, as they come. The turn starts with the first read.

        ``key`` is the idempotency key, a random one if not given: the same key and input of one
        token and agent is the same turn for 24 hours, also after a restart of the program.
        """
        start = Start(agent, _body(turn), key or str(uuid.uuid4()))
        return Replies(self._address, start=start, retry_s=self._retry_s)

    def replies(self, turn_id: str, after: int = 0) -> Replies:
        """Returns the replies of a turn after the number ``after``, then live ones to its end."""
        return Replies(self._address, turn_id=turn_id, after=after, retry_s=self._retry_s)

    def end_of(self, agent: str, turn: Input, *, key: Optional[str] = None) -> TerminalReply:
        """Runs a turn, and returns its terminal reply: ``final`` or ``error``."""
        with self.turn(agent, turn, key=key) as replies:
            *_, last = replies
        return cast(TerminalReply, last)

    def ask(self, agent: str, turn: Input, *, key: Optional[str] = None) -> str:
        """Runs a turn, and returns its answer. Raises ``TurnFailedError`` for an error reply."""
        last = self.end_of(agent, turn, key=key)
        if last["kind"] == "error":
            raise TurnFailedError(last)
        return last["content"]

    def get_turn(self, turn_id: str) -> Turn:
        """Returns a turn: its state, session, usage, and its terminal reply once it has ended."""
        return cast(Turn, self.call("GET", path_of("turns", turn_id)))

    def turns(self, agent: Optional[str] = None, state: Optional[str] = None) -> Iterator[Turn]:
        """Yields turns, the newest first."""
        return self.pages("/v1/turns", agent=agent, state=state)

    def cancel(self, turn_id: str) -> Turn:
        """Cancels a turn, which then ends with the error ``cancelled``. Returns it as it is now."""
        return cast(Turn, self.call("POST", path_of("turns", turn_id, "cancel")))

    def requests(self) -> List[PendingRequest]:
        """Returns the open requests of all agents, the oldest first."""
        return cast(List[PendingRequest], self.call("GET", "/v1/requests")["items"])

    def answer(
        self,
        request_id: str,
        answer: Union[str, List[List[str]]],
        message: Optional[str] = None,
    ) -> None:
        """Answers a request.

        The answer of a permission is ``once``, ``always`` or ``reject``, the latter with a message
        for the model if given. That of questions is a list of labels or texts for each question.
        """
        body: Dict[str, Any] = {"reply": answer} if isinstance(answer, str) else {"answers": answer}
        if message is not None:
            body["message"] = message
        self.call("POST", path_of("requests", request_id, "answer"), body)

    def usage(self, by: str = "agent", since: Optional[str] = None) -> List[UsageRow]:
        """Returns tokens and cost by ``agent``, ``tenant``, ``day`` or ``model``.

        ``since`` is the time of the oldest turn that counts, such as ``2027-01-31T00:00:00Z``.
        """
        return cast(List[UsageRow], self.call("GET", "/v1/usage", by=by, since=since)["items"])


def _body(turn: Input) -> Mapping[str, Any]:
    return {"text": turn} if isinstance(turn, str) else turn
