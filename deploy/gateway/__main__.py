"""`python -m deploy.gateway render --out DIR ...`: writes DIR/nginx.conf.

To be started with `nginx -p DIR -c DIR/nginx.conf -e stderr`; it stays in the foreground.

CORS_ALLOWED_ORIGINS, RATE_LIMIT_REGISTER_PER_MINUTE and RATE_LIMIT_TOKEN_PER_MINUTE come from the
environment, as they do for the services; a wrong one stops the start with its name.
"""

import argparse
import sys
from pathlib import Path

from environs import FileAwareEnv

from deploy.gateway.configuration import (
    GatewaySettings,
    render_configuration,
)
from shared.process.environment import POSITIVE, load_settings


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    upstreams: dict[str, tuple[str, ...]] = {}
    for name, address in options.upstream:
        upstreams[name] = (*upstreams.get(name, ()), address)
    directory: Path = options.out.absolute()

    def read(environment: FileAwareEnv) -> GatewaySettings:
        return GatewaySettings(
            listen=options.listen,
            pages=options.pages.absolute(),
            state=(options.state or directory).absolute(),
            access_log=options.access_log.absolute(),
            upstreams=upstreams,
            resolver=options.resolver,
            cors_origins=_origins(environment.str("CORS_ALLOWED_ORIGINS", "")),
            register_per_minute=environment.int(
                "RATE_LIMIT_REGISTER_PER_MINUTE", 10, validate=POSITIVE
            ),
            token_per_minute=environment.int("RATE_LIMIT_TOKEN_PER_MINUTE", 30, validate=POSITIVE),
        )

    configuration = render_configuration(load_settings(read))
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "nginx.conf").write_text(configuration, encoding="utf-8")


def _origins(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def _upstream(value: str) -> tuple[str, str]:
    name, separator, address = value.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("expected NAME=HOST:PORT")
    return name, address


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.gateway", description=__doc__)
    render = parser.add_subparsers(required=True).add_parser("render")
    render.add_argument("--out", type=Path, required=True, help="where nginx.conf is written")
    render.add_argument("--listen", required=True, help="PORT or ADDRESS:PORT")
    render.add_argument(
        "--pages", type=Path, required=True, help="what `python -m deploy.api_docs build` wrote"
    )
    render.add_argument(
        "--upstream",
        type=_upstream,
        action="append",
        required=True,
        metavar="NAME=HOST:PORT",
        help="auth, habits, notifier (its HTTP process) and status; may be repeated",
    )
    render.add_argument("--state", type=Path, help="what nginx may write to; default: --out")
    render.add_argument("--access-log", type=Path, default=Path("/dev/stdout"))
    render.add_argument("--resolver", help="name server for upstreams that change (nginx 1.27.3)")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
