"""One HTTP exchange with the gateway: a request, its answer, and the errors of both."""

from __future__ import annotations

import json
import re
import socket
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Iterator, Mapping, Optional
from urllib.parse import SplitResult, urlsplit

from .errors import ConnectionFailedError, problem_of

#: Size of the pieces in which an answer is read, in bytes.
_PIECE = 65_536


class Address:
    """Address of a gateway, with the token and the time limits of its requests."""

    def __init__(self, url: str, token: Optional[str], connect_s: float, silence_s: float) -> None:
        parts = _parts_of(url)
        self.url = url.rstrip("/")
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname or "", parts.port
        self._prefix = parts.path.rstrip("/")
        self._token = _checked_token(token)
        self._connect_s = connect_s
        self._silence_s = silence_s

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Answer:
        """Sends a request, and returns the answer as soon as its headers are there.

        Raises ``ProblemError`` for an answer that tells a failure, and ``ConnectionFailedError``
        without an answer.
        """
        connection = self._kind(self._host, self._port, timeout=self._connect_s)
        try:
            with _broken_connections(self.url):
                answer = self._exchange(connection, method, path, body, dict(headers or {}))
            if answer.status >= 300:
                wait = answer.header("Retry-After")
                raise problem_of(answer.status, _problem(answer.read()), wait)
            return answer
        except BaseException:
            connection.close()
            raise

    def _exchange(
        self, connection: HTTPConnection, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> Answer:
        connection.connect()
        channel = connection.sock
        # An agent may work in silence. After a longer silence the connection counts as broken.
        channel.settimeout(self._silence_s)
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, self._prefix + path, data, headers)
        return Answer(self.url, channel, connection.getresponse())


class Answer:
    """Answer whose body is read piece by piece. It must be closed."""

    def __init__(self, url: str, channel: socket.socket, response: HTTPResponse) -> None:
        self._url = url
        self._channel = channel
        self._response = response
        self.status = response.status

    def header(self, name: str) -> Optional[str]:
        """Returns a header."""
        return self._response.getheader(name)

    def read(self) -> bytes:
        """Returns the whole body, and closes the answer."""
        with _broken_connections(self._url):
            try:
                return self._response.read()
            finally:
                self.close()

    def json(self, text: bytes) -> Any:
        """Returns the value of a JSON text of the body. Raises ``ConnectionFailedError``."""
        try:
            return json.loads(text)
        except ValueError:
            raise not_of_the_gateway(self._url) from None

    def lines(self) -> Iterator[bytes]:
        """Yields the lines of the body as they come, but no line that the end has cut off."""
        rest = b""
        while True:
            with _broken_connections(self._url):
                piece = self._response.read1(_PIECE)
            if not piece:
                return
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines

    def interrupt(self) -> None:
        """Ends a read that waits in another thread."""
        try:
            self._channel.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The connection has ended.

    def close(self) -> None:
        """Closes the connection. Only the thread that reads may call this."""
        self._response.close()
        self._channel.close()


@contextmanager
def _broken_connections(url: str) -> Iterator[None]:
    """Raises ``ConnectionFailedError`` for the errors of a connection."""
    try:
        yield
    except (OSError, HTTPException) as error:
        raise ConnectionFailedError(
            f"No answer of the gateway at {url}: {str(error) or type(error).__name__}. "
            "Check the address, and that opencode-runtime serve runs there."
        ) from error


def not_of_the_gateway(url: str) -> ConnectionFailedError:
    """Returns the error of an answer that another program gave, such as a proxy."""
    return ConnectionFailedError(
        f"The answer at {url} is not one of the gateway. "
        "Check the address, and what stands before it."
    )


def _parts_of(url: str) -> SplitResult:
    """Returns the parts of an address. The message of an error shows no password."""
    example = "Expected an address such as http://127.0.0.1:7420"
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"{example}, without user, query and fragment: the token is of its own")
    has_space = re.search(r"[\x00-\x20\x7f]", url)
    if parts.scheme not in ("http", "https") or not parts.hostname or has_space:
        raise ValueError(f"{example}, got {url!r}")
    return parts


def _checked_token(given: Optional[str]) -> str:
    """Returns a token without spaces around it, such as the end of a file's line."""
    token = (given or "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", token):
        # The error of the header would show the token.
        raise ValueError("The token has a character that no token has, such as a line break")
    return token


def _problem(body: bytes) -> Mapping[str, Any]:
    """Returns the problem of a body; nothing for the body of another program, such as a proxy."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
