"""A real nginx in front of small real HTTP servers, one for each upstream."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

REPOSITORY = Path(__file__).parents[3]
UPSTREAMS = ("auth", "habits", "notifier", "feed", "status")


class _Echo(BaseHTTPRequestHandler):
    """Answers what it was asked; the query says how: status, header, hang up."""

    protocol_version = "HTTP/1.1"
    timeout = 5
    # One write an answer: two of them would wait for each other's acknowledgement.
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.server.upstream.connections.append(self.connection)  # type: ignore[attr-defined]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        upstream: Upstream = self.server.upstream  # type: ignore[attr-defined]
        upstream.requests.append((self.command, self.path))
        if self.path == "/internal/token-exchange/":
            self._exchange(self.headers["Authorization"].split()[-1])
            return
        if "hang_up" in query:
            self.close_connection = True
            return
        status = int(query.get("status", ["200"])[0])
        answer = json.dumps(
            {
                "upstream": upstream.name,
                "method": self.command,
                "path": self.path,
                "headers": dict(self.headers.items()),
                "body_bytes": len(body),
            }
        ).encode()
        if "padding" in query:
            answer = answer[:-1] + b', "padding": "' + b"x" * 5000 + b'"}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("ETag", '"7"')
        self.send_header("X-Request-ID", self.headers["X-Request-ID"])
        if status == 429:
            self.send_header("Retry-After", "17")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def _exchange(self, token: str) -> None:
        """Answer as auth does: by what the token is called."""
        self.send_response({"hab_bad": 401, "hab_away": 503}.get(token, 204))
        self.send_header("X-Access-Token", f"jwt-of-{token}")
        self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@dataclass
class Upstream:
    """One server behind the gateway; `requests` is what reached it."""

    name: str
    server: ThreadingHTTPServer = field(init=False)
    requests: list[tuple[str, str]] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        """End as a process does: the kept-alive connections end with it."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def start(self, port: int = 0) -> None:
        """Begin to answer; again on the same port after a stop."""
        self.server = ThreadingHTTPServer(("127.0.0.1", port), _Echo)
        self.server.upstream = self  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@dataclass(frozen=True)
class Gateway:
    port: int
    log: Path
    error_log: Path
    upstreams: dict[str, Upstream]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(
            method, self.url + path, timeout=10, allow_redirects=False, **options
        )

    def send_raw(self, request: bytes) -> tuple[str, dict[str, str], bytes]:
        """Send bytes as they are; return status line, headers (lower case) and body."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            answer = b""
            while block := connection.recv(65536):
                answer += block
        head, _, body = answer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return status_line, headers, body

    def log_lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], limit_seconds: float = 10) -> None:
    deadline = time.monotonic() + limit_seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError("the condition was not met in time")
        time.sleep(0.02)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _write_pages(pages: Path) -> None:
    for name in ("swagger", "redoc", "asyncapi"):
        (pages / name / "images").mkdir(parents=True)
        (pages / name / "index.html").write_text(f"<title>{name}</title>", encoding="utf-8")
        (pages / name / "page.js").write_text("// " + "x" * 3000, encoding="utf-8")
    for name in ("openapi.json", "asyncapi.json"):
        (pages / name).write_text(json.dumps({"document": name}), encoding="utf-8")


def _write_web_app(web: Path) -> None:
    (web / "assets").mkdir(parents=True)
    (web / "assets" / "index-1a2b3c.js").write_text("// " + "x" * 3000, encoding="utf-8")
    (web / "index.html").write_text("<title>the app</title>", encoding="utf-8")
    (web / "sw.js").write_text("// worker", encoding="utf-8")
    (web / "manifest.webmanifest").write_text("{}", encoding="utf-8")


StartGateway = Callable[..., Gateway]


@pytest.fixture(scope="module")
def start_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartGateway]:
    """Start gateways that live as long as the module; every path of theirs has a space."""
    programs: list[subprocess.Popen[bytes]] = []
    started: list[Upstream] = []

    def start(*, second_habits: bool = False, **environment: str) -> Gateway:
        home = tmp_path_factory.mktemp("gate way")
        upstreams = {}
        for name in (*UPSTREAMS, *(["habits-2"] if second_habits else [])):
            upstreams[name] = Upstream(name)
            upstreams[name].start()
            started.append(upstreams[name])
        _write_pages(home / "pages")
        _write_web_app(home / "web")
        port = free_port()
        command = [sys.executable, "-m", "deploy.gateway", "render", "--out", str(home)]
        command += ["--listen", f"127.0.0.1:{port}", "--pages", str(home / "pages")]
        command += ["--web", str(home / "web")]
        command += ["--access-log", str(home / "access.log")]
        for name, upstream in upstreams.items():
            command += ["--upstream", f"{name.removesuffix('-2')}={upstream.address}"]
        path = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
        subprocess.run(command, check=True, cwd=REPOSITORY, env=path | environment)
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/usr/bin")
        assert nginx, "nginx is not installed"
        with (home / "error.log").open("wb") as errors:
            program = subprocess.Popen(
                [nginx, "-p", str(home), "-c", str(home / "nginx.conf"), "-e", "stderr"],
                stderr=errors,
            )
        programs.append(program)
        wait_until(lambda: program.poll() is not None or accepts(port))
        assert program.poll() is None, (home / "error.log").read_text()
        return Gateway(port, home / "access.log", home / "error.log", upstreams)

    yield start
    for program in programs:
        program.terminate()
        program.wait(timeout=10)
    for upstream in started:
        upstream.stop()


@pytest.fixture(scope="module")
def gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway with one allowed origin and limits that the tests do not meet."""
    return start_gateway(
        CORS_ALLOWED_ORIGINS="https://app.example, http://localhost:3000",
        RATE_LIMIT_REGISTER_PER_MINUTE="1000",
        RATE_LIMIT_TOKEN_PER_MINUTE="1000",
    )
