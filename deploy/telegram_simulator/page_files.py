"""The page at `/`: three files that need nothing from elsewhere."""

from http import HTTPStatus
from pathlib import Path

from deploy.telegram_simulator.http_messages import Reply, Request, json_reply

_FOLDER = Path(__file__).with_name("page")
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-cache",
    # Nothing inline and nothing foreign runs, whatever a message says.
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def page_reply(request: Request) -> Reply:
    """Return a file of the page, 404 for anything else."""
    if request.path not in _FILES:
        return json_reply(HTTPStatus.NOT_FOUND, {"detail": "Not Found"})
    if request.method not in {"GET", "HEAD"}:
        return json_reply(HTTPStatus.METHOD_NOT_ALLOWED, {"detail": "Method Not Allowed"})
    name, media_type = _FILES[request.path]
    return Reply(HTTPStatus.OK, (_FOLDER / name).read_bytes(), media_type, _HEADERS)
