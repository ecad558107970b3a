"""Where a webhook may lead: public addresses, judged where the connection is made."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from services.feed.webhooks.safe_addresses import PublicResolver, is_public
from services.feed.webhooks.sending import Attempt, WebhookSender
from services.feed.webhooks.signatures import new_secret


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104 - an address that is judged
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001::1",
        "localhost",
        "",
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_public_is_let_through(address: str) -> None:
    assert is_public(address)


class _Inside(BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def inside() -> Iterator[int]:
    """Yield the port of a server of ours that nobody is to reach."""
    _Inside.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Inside)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def send(url: str, *, allow_private: bool = False) -> Attempt:
    async def run() -> Attempt:
        async with WebhookSender(allow_private=allow_private) as sender:
            return await sender.send(url, "id", b"{}", "application/json", [new_secret()])

    return asyncio.run(run())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0x7f000001"]
)
def test_no_spelling_of_an_inside_address_is_reached(inside: int, host: str) -> None:
    assert send(f"http://{host}:{inside}/").outcome in {"forbidden_address", "unreachable"}
    assert _Inside.asked == 0


def test_where_private_addresses_are_allowed_they_are_reached(inside: int) -> None:
    assert send(f"http://localhost:{inside}/", allow_private=True).outcome == "delivered"


def test_proxies_of_the_environment_are_not_used(
    inside: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{inside}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{inside}")

    assert send("http://10.255.255.1:1/").outcome == "forbidden_address"
    assert _Inside.asked == 0


def test_a_name_with_one_inside_address_is_refused_and_asked_for_once(
    inside: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def found(host: str, port: int, *_arguments: Any, **_options: Any) -> list[Any]:
        asked.append(host)
        addresses = ["8.8.8.8", "127.0.0.1"] if len(asked) == 1 else ["127.0.0.1"]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", found)

    assert send(f"http://rebinding.example:{inside}/").outcome == "forbidden_address"
    assert asked == ["rebinding.example"]
    assert _Inside.asked == 0


def test_the_connection_goes_to_the_address_that_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: public)

    [result] = asyncio.run(PublicResolver().resolve("rebinding.example", 443))

    assert (result["host"], result["hostname"]) == ("8.8.8.8", "rebinding.example")
