"""Files of the command line are whole or absent."""

import pytest
from kaf_cli import listing

from kaf.cli import files


def test_replacing_keeps_the_old_file_until_the_new_one_is_whole(here, monkeypatch):
    path = here / "f"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as file:
        file.write(b"half")
        assert 1 / 0
    assert (listing(here), path.read_text()) == (["f"], "old")

    def refuse(source, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(files.CommandError) as error:
        patched.setattr(files.files.os, "replace", refuse)
        with files.replacing(path) as file:
            file.write(b"whole")
    assert str(error.value) == f"cannot write {path}: no space left on device; nothing was changed"
    assert (listing(here), path.read_text()) == (["f"], "old")
    with files.replacing(path) as file:
        file.write(b"whole")
        assert path.read_text() == "old"
    assert (listing(here), path.read_text()) == (["f"], "whole")


def test_files_get_the_permissions_of_any_new_file(here):
    with files.replacing(here / "f") as file:
        file.write(b"x")
    (here / "g").write_text("x")
    assert (here / "f").stat().st_mode == (here / "g").stat().st_mode
