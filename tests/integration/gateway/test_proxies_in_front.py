"""A real proxy that ends TLS in front of the gateway: who is asking, and by which address.

Every connection here comes from 127.0.0.1, so a header that the test sends to the proxy stands for
what another proxy, still further out, has written into it.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.gateway.conftest import Gateway, StartGateway, accepts, free_port, wait_until

_FRONT = """
daemon off;
pid "{home}/front.pid";
error_log stderr crit;
events {{}}
http {{
    access_log off;
    client_body_temp_path "{home}/body";
    proxy_temp_path "{home}/proxy";
    fastcgi_temp_path "{home}/fastcgi";
    scgi_temp_path "{home}/scgi";
    uwsgi_temp_path "{home}/uwsgi";
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate "{home}/certificate.pem";
        ssl_certificate_key "{home}/key.pem";
        location / {{
            proxy_pass http://127.0.0.1:{gateway_port};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Front:
    """The proxy; its certificate is what a client has to trust."""

    port: int
    certificate: Path

    def ask(self, method: str, path: str, **headers: str) -> requests.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"https://127.0.0.1:{self.port}{path}"
        return requests.request(method, url, headers=sent, verify=str(self.certificate), timeout=10)

    def seen(self, **headers: str) -> dict[str, Any]:
        """Return the headers that reach the service."""
        found: dict[str, Any] = self.ask("GET", "/api/habit/", **headers).json()["headers"]
        return found


StartFront = Callable[[Gateway], Front]


@pytest.fixture(scope="module")
def start_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartFront]:
    home = tmp_path_factory.mktemp("front")
    _make_certificate(home)
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/usr/bin")
    assert nginx, "nginx is not installed"
    programs: list[subprocess.Popen[bytes]] = []

    def start(gateway: Gateway) -> Front:
        port = free_port()
        file = home / f"{port}.conf"
        file.write_text(_FRONT.format(home=home, port=port, gateway_port=gateway.port))
        programs.append(subprocess.Popen([nginx, "-p", str(home), "-c", str(file), "-e", "stderr"]))
        wait_until(lambda: accepts(port))
        return Front(port, home / "certificate.pem")

    yield start
    for program in programs:
        program.terminate()
        program.wait(timeout=10)


def _make_certificate(home: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=front"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(home / "key.pem"), "-out", str(home / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def trusting(start_gateway: StartGateway) -> Gateway:
    return start_gateway(
        TRUSTED_PROXIES="127.0.0.1/32, 10.0.0.0/8,2001:db8:1::/48",
        RATE_LIMIT_TOKEN_PER_MINUTE="2",
    )


@pytest.fixture(scope="module")
def front(trusting: Gateway, start_front: StartFront) -> Front:
    return start_front(trusting)


@pytest.fixture(scope="module")
def front_of_stranger(start_gateway: StartGateway, start_front: StartFront) -> Front:
    """A proxy that the gateway was not told to trust."""
    return start_front(
        start_gateway(TRUSTED_PROXIES="192.0.2.0/24", RATE_LIMIT_TOKEN_PER_MINUTE="2")
    )


def test_the_scheme_and_address_of_a_trusted_proxy_reach_the_service(front: Front) -> None:
    seen = front.seen(X_Forwarded_For="198.51.100.7")

    assert seen["X-Forwarded-For"] == "198.51.100.7"
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["Host"] == f"127.0.0.1:{front.port}"


def test_what_a_proxy_that_is_not_trusted_says_is_worth_nothing(front_of_stranger: Front) -> None:
    seen = front_of_stranger.seen(X_Forwarded_For="198.51.100.7")

    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "http"


@pytest.mark.parametrize(
    ("written_further_out", "client"),
    [
        pytest.param("198.51.100.7, 10.0.0.2", "198.51.100.7", id="two trusted proxies"),
        pytest.param("198.51.100.7, 10.0.0.2, 10.9.9.9", "198.51.100.7", id="three"),
        pytest.param("2001:db8:2::7, 2001:db8:1::2", "2001:db8:2::7", id="in IPv6"),
        pytest.param("6.6.6.6, 198.51.100.7", "198.51.100.7", id="the client forged the first"),
        pytest.param("6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7", id="forged, two proxies"),
        pytest.param("10.0.0.9, 198.51.100.7", "198.51.100.7", id="forged to look like a proxy"),
        pytest.param("198.51.100.7:4711", "198.51.100.7", id="with a port"),
        pytest.param("unknown", "127.0.0.1", id="no address at all"),
        pytest.param("10.0.0.2", "10.0.0.2", id="a proxy that asks for itself"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_trusted_proxy(
    front: Front, written_further_out: str, client: str
) -> None:
    assert front.seen(X_Forwarded_For=written_further_out)["X-Forwarded-For"] == client


@pytest.mark.parametrize(
    ("claimed", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("https, http", "https"),
        ("http", "http"),
        ("gopher", "http"),
        ("https.evil", "http"),
        ("", "http"),
    ],
)
def test_only_a_scheme_is_believed(trusting: Gateway, claimed: str, scheme: str) -> None:
    answer = trusting.ask("GET", "/api/habit/", headers={"X-Forwarded-Proto": claimed})

    assert answer.json()["headers"]["X-Forwarded-Proto"] == scheme


def test_other_headers_of_a_trusted_proxy_are_dropped(front: Front) -> None:
    seen = front.seen(
        X_Forwarded_Host="evil.example", X_Forwarded_Prefix="/evil", Forwarded="for=6.6.6.6"
    )

    assert not {"X-Forwarded-Host", "X-Forwarded-Prefix", "Forwarded"} & set(seen)


def _statuses(front: Front, client: str, times: int) -> list[int]:
    return [
        front.ask("POST", "/api/token/", X_Forwarded_For=client).status_code for _ in range(times)
    ]


def test_each_client_behind_a_trusted_proxy_has_a_limit_of_its_own(front: Front) -> None:
    assert _statuses(front, "203.0.113.1", 3) == [200, 200, 429]
    assert _statuses(front, "203.0.113.2", 3) == [200, 200, 429]
    # What the client puts before its address does not make it another one.
    assert _statuses(front, "6.6.6.6, 203.0.113.2", 1) == [429]


def test_addresses_of_one_ipv6_customer_share_a_limit(front: Front) -> None:
    statuses = [*_statuses(front, "2001:db8:7::1", 2), *_statuses(front, "2001:db8:7::ffff:2", 1)]

    assert statuses == [200, 200, 429]
    assert _statuses(front, "2001:db8:7:1::1", 1) == [200]


def test_an_ipv4_address_in_the_clothes_of_ipv6_is_the_same_client(front: Front) -> None:
    assert _statuses(front, "203.0.113.3", 2) == [200, 200]
    assert _statuses(front, "::ffff:203.0.113.3", 1) == [429]
    assert _statuses(front, "::ffff:203.0.113.4", 1) == [200]


def test_clients_cannot_multiply_behind_a_proxy_that_is_not_trusted(
    front_of_stranger: Front,
) -> None:
    statuses = [
        *_statuses(front_of_stranger, "203.0.113.1", 2),
        *_statuses(front_of_stranger, "203.0.113.2", 1),
    ]

    assert statuses == [200, 200, 429]


def test_the_log_names_the_client_and_not_the_proxy(front: Front, trusting: Gateway) -> None:
    front.ask("GET", "/api/habit/", X_Request_ID="from-afar", X_Forwarded_For="198.51.100.7")

    wait_until(lambda: any(line["request_id"] == "from-afar" for line in trusting.log_lines()))
    [line] = [line for line in trusting.log_lines() if line["request_id"] == "from-afar"]
    assert line["client"] == "198.51.100.7"


@pytest.mark.parametrize(
    ("public_url", "scheme", "host"),
    [
        ("https://habits.example", "https", "habits.example"),
        ("https://habits.example:8443/", "https", "habits.example:8443"),
        ("http://[2001:db8::1]:8080", "http", "[2001:db8::1]:8080"),
    ],
)
def test_services_are_told_the_public_address_whatever_the_request_said(
    start_gateway: StartGateway, public_url: str, scheme: str, host: str
) -> None:
    gateway = start_gateway(PUBLIC_URL=public_url)

    for headers in ({}, {"Host": "evil.example", "X-Forwarded-Proto": "https"}):
        seen = gateway.ask("GET", "/api/habit/", headers=headers).json()["headers"]
        assert (seen["X-Forwarded-Proto"], seen["Host"]) == (scheme, host)
