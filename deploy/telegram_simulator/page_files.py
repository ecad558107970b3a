"""The page at `/`: three files that need nothing from elsewhere."""

from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).with_name("page")
_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS = {
    "Cache-Control": "no-cache",
    # Nothing inline and nothing foreign runs, whatever a message says.
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def page_routes() -> Iterable[web.RouteDef]:
    return [web.get(path, _show) for path in _FILES]


async def _show(request: web.Request) -> web.Response:
    name, media_type = _FILES[request.path]
    text = (_FOLDER / name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=media_type, charset="utf-8", headers=_HEADERS)
