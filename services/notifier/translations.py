"""The texts' catalogues, read from `locale/*/LC_MESSAGES/notifier.po` when the process starts.

The readable `.po` files are the only source: they are compiled in memory, so no binary can be
older than its text. An unknown language gets English.
"""

import io
from gettext import GNUTranslations
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = ("en", "ru")
DEFAULT_LOCALE = "en"

_FOLDER = Path(__file__).with_name("locale")


class Translations:
    """The catalogues of all languages."""

    def __init__(self) -> None:
        self._catalogues = {locale: _read(locale) for locale in LOCALES}

    def of(self, locale: str) -> GNUTranslations:
        """Return the catalogue of a language such as `ru`, `ru-RU`; English where there is none."""
        language = locale.replace("_", "-").split("-")[0].lower()
        return self._catalogues.get(language, self._catalogues[DEFAULT_LOCALE])


def _read(locale: str) -> GNUTranslations:
    with (_FOLDER / locale / "LC_MESSAGES" / "notifier.po").open("rb") as source:
        catalogue = read_po(source, locale=locale, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
