"""What the documents name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("document", ["guarantees", "fault-suite", "security"])
def test_what_is_promised_names_a_test_that_exists(document: str) -> None:
    text = (ROOT / f"docs/{document}.md").read_text()
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", text))
    sources = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in sources} == set()


def test_the_fault_suite_names_files_that_exist_and_their_own_tests() -> None:
    """A test that moves has to be found where the table says."""
    for line in (ROOT / "docs/fault-suite.md").read_text().splitlines():
        files = re.findall(r"`(tests/[a-z0-9_/]+\.py)`", line)
        sources = "".join((ROOT / file).read_text() for file in files)
        for name in re.findall(r"`(test_[a-z0-9_]+)`", line):
            assert f"def {name}(" in sources, f"{name} is not in {files}"


def test_every_link_between_documents_leads_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
