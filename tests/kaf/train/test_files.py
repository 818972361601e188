"""Texts from files, as error messages quote them, and arrays that cannot be read."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from kaf.train.files import ArrayError, open_arrays, quoted, shown


@pytest.mark.parametrize("show", [quoted, shown])
def test_a_long_text_is_shortened(show):
    whole, shortened = show("7" * 60), show("7" * 61)
    assert whole.strip("'") == "7" * 60
    assert shortened.endswith("(61 characters)") and shortened.count("7") == 40


@pytest.mark.parametrize("after", [b"x", None])
def test_an_array_of_other_bytes_than_its_header_says_cannot_be_read(tmp_path, after):
    """More of them, or fewer."""
    with io.BytesIO() as file:
        np.save(file, np.arange(3.0))
        whole = file.getvalue()
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        archive.writestr("a.npy", whole[:-1] if after is None else whole + after)
    with open_arrays(tmp_path / "file.npz") as arrays, pytest.raises(ArrayError, match="its array 'a' cannot be read"):
        arrays["a"]
