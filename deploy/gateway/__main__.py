"""`python -m deploy.gateway render --out DIR ...`: writes DIR/nginx.conf.

To be started with `nginx -p DIR -c DIR/nginx.conf -e stderr`; it stays in the foreground.

What the user chooses (deploy/gateway/settings.py) comes from the environment; a wrong value stops
the start with the name of its variable and the form it should have.
"""

import argparse
import sys
from pathlib import Path

from environs import FileAwareEnv

from deploy.gateway.configuration import GatewaySettings, render_configuration
from deploy.gateway.settings import read_gateway_choices
from shared.process.environment import load_settings


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
            web=options.web.absolute(),
            state=(options.state or directory).absolute(),
            access_log=options.access_log.absolute(),
            upstreams=upstreams,
            resolver=options.resolver,
            choices=read_gateway_choices(environment),
        )

    configuration = render_configuration(load_settings(read))
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "nginx.conf").write_text(configuration, encoding="utf-8")


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
        "--web", type=Path, required=True, help="what `python -m deploy.web build` wrote"
    )
    render.add_argument(
        "--upstream",
        type=_upstream,
        action="append",
        required=True,
        metavar="NAME=HOST:PORT",
        help="auth, habits, notifier (its HTTP process), feed and status; may be repeated",
    )
    render.add_argument("--state", type=Path, help="what nginx may write to; default: --out")
    render.add_argument("--access-log", type=Path, default=Path("/dev/stdout"))
    render.add_argument("--resolver", help="name server for upstreams that change (nginx 1.27.3)")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
