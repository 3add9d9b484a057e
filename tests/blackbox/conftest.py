import shutil
import tempfile
import pathlib

import pytest

import lab


@pytest.fixture
def estate_of():
    """estate_of(edges=2, connector="ssh") starts an estate of its own; ended and removed afterwards."""
    made = []

    def make(**options):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="reeve-test."))
        estate = lab.Estate(folder, **options)
        made.append(estate)
        return estate

    yield make
    for estate in made:
        estate.stop()
        shutil.rmtree(estate.folder, ignore_errors=True)


@pytest.fixture
def estate(estate_of):
    """One nginx behind sshd, Reeve running, nothing declared."""
    made = estate_of()
    made.reeve.start()
    return made
