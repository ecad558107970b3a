"""Load on an HTTP server: connections that send one request after another, and nothing else.

A client of a library's would need as much of the machine as what it measures.
"""

import re
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Answers:
    """How long each answer took, and how long all of them together."""

    latencies_seconds: list[float]
    seconds: float

    @property
    def a_second(self) -> float:
        return len(self.latencies_seconds) / self.seconds


def request(method: str, path: str, token: str | None, body: bytes = b"") -> bytes:
    """Return the bytes of a request with a JSON body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def put_load(
    address: str, requests: Sequence[bytes], *, seconds: float, connections: int, status: int
) -> Answers:
    """Send requests in turn for a while. Raises RuntimeError for any other status."""
    ends_at = time.perf_counter() + seconds
    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        lines = [
            pool.submit(_send, address, requests[number::connections], ends_at, status)
            for number in range(connections)
        ]
        latencies = [each for line in lines for each in line.result()]
    return Answers(latencies, time.perf_counter() - began)


def _send(address: str, requests: Sequence[bytes], ends_at: float, status: int) -> list[float]:
    parts = urlsplit(address)
    latencies: list[float] = []
    with socket.create_connection((parts.hostname, parts.port), _TIMEOUT_SECONDS) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for each in cycle(requests):
            began = time.perf_counter()
            if began >= ends_at:
                break
            answer = exchange(line, each)
            latencies.append(time.perf_counter() - began)
            if int(answer[9:12]) != status:
                raise RuntimeError(f"not a {status}: {answer.decode(errors='replace')}")
    return latencies


def exchange(line: socket.socket, sent: bytes) -> bytes:
    """Send a request; return its answer, head and body."""
    line.sendall(sent)
    answer = b""
    while (head := answer.find(b"\r\n\r\n")) < 0:
        answer += _received(line)
    length = _LENGTH.search(answer, 0, head + 2)
    if length is None:
        raise RuntimeError("an answer without a length")
    while len(answer) < head + 4 + int(length[1]):
        answer += _received(line)
    return answer


def _received(line: socket.socket) -> bytes:
    data = line.recv(65536)
    if not data:
        raise RuntimeError("the server has closed the connection")
    return data
