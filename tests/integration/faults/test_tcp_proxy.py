"""The fault suite's own instrument: the TCP proxy does what it says, and nothing else."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.tcp_proxy import TcpProxy

PATIENCE_SECONDS = 10.0
A_MOMENT_SECONDS = 0.2


class Echo:
    """A server that answers each message with the same; `heard` is all it got."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.heard = b""
        self._greeting = greeting
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(1000):
                    self.heard += data
                    connection.sendall(self._greeting + data)
            except OSError:
                return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[TcpProxy]:
    with TcpProxy(echo.url) as running:
        yield running


@pytest.fixture
def client(proxy: TcpProxy) -> Iterator[socket.socket]:
    with connect(proxy) as connection:
        yield connection


def connect(proxy: TcpProxy) -> socket.socket:
    port = int(proxy.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)


def says_nothing(client: socket.socket) -> bool:
    client.settimeout(A_MOMENT_SECONDS)
    try:
        return client.recv(1000) == b"never"
    except TimeoutError:
        return True
    finally:
        client.settimeout(PATIENCE_SECONDS)


def test_bytes_pass_both_ways(client: socket.socket) -> None:
    client.sendall(b"hello")
    assert client.recv(1000) == b"hello"


def test_a_slow_line_is_slow(proxy: TcpProxy, client: socket.socket) -> None:
    proxy.delay_seconds = 0.1
    began = time.monotonic()
    client.sendall(b"hello")
    assert client.recv(1000) == b"hello"
    assert time.monotonic() - began >= 0.2


def test_a_cut_resets_what_is_there_and_lets_new_connections_through(
    proxy: TcpProxy, client: socket.socket
) -> None:
    client.sendall(b"hello")
    client.recv(1000)
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1000)
    with connect(proxy) as another:
        another.sendall(b"again")
        assert another.recv(1000) == b"again"


def test_what_was_held_back_is_delivered_later(
    proxy: TcpProxy, client: socket.socket, echo: Echo
) -> None:
    with proxy.black_hole():
        client.sendall(b"hello")
        assert says_nothing(client)
        assert echo.heard == b""
    assert client.recv(1000) == b"hello"


def test_one_direction_can_be_dead(proxy: TcpProxy, client: socket.socket, echo: Echo) -> None:
    with proxy.black_hole("client"):
        client.sendall(b"hello")
        assert says_nothing(client)
        assert echo.heard == b"hello"
    assert client.recv(1000) == b"hello"


def test_it_holds_at_what_it_was_told_to_look_for(
    proxy: TcpProxy, client: socket.socket, echo: Echo
) -> None:
    sprung = proxy.hold_at(b"COMMIT")
    client.sendall(b"BEGIN")
    assert client.recv(1000) == b"BEGIN"
    client.sendall(b"COMMIT")
    assert sprung.wait(PATIENCE_SECONDS)
    assert echo.heard == b"BEGIN"
    proxy.forward()
    assert client.recv(1000) == b"COMMIT"


def test_an_answer_gets_lost_though_the_server_did_what_it_was_told(
    proxy: TcpProxy, client: socket.socket, echo: Echo
) -> None:
    lost = proxy.lose_answer_to(b"COMMIT")
    client.sendall(b"COMMIT")
    with pytest.raises(ConnectionResetError):
        client.recv(1000)
    assert lost.wait(PATIENCE_SECONDS)
    assert echo.heard == b"COMMIT"


def test_a_moved_address_leads_elsewhere(proxy: TcpProxy) -> None:
    elsewhere = Echo(b"elsewhere: ")
    proxy.redirect(elsewhere.url)
    with connect(proxy) as client:
        client.sendall(b"hello")
        assert client.recv(1000) == b"elsewhere: hello"
    elsewhere.close()
