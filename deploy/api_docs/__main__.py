"""`python -m deploy.api_docs build --out DIR`: writes what the gateway serves as documentation."""

import argparse
import sys
from pathlib import Path

from deploy.api_docs.openapi import build_openapi
from deploy.api_docs.pages import write_pages
from deploy.api_docs.service_documents import service_documents


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.api_docs", description=__doc__)
    build = parser.add_subparsers(required=True).add_parser("build")
    build.add_argument("--out", type=Path, required=True)
    build.add_argument("--server-url", default="/", help="default: where the page itself is")
    options = parser.parse_args(arguments)
    write_pages(options.out, build_openapi(service_documents(), server_url=options.server_url))


if __name__ == "__main__":
    main(sys.argv[1:])
