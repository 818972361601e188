"""The experiment on ordinary tables: its data, its draws, and the command."""

import numpy as np
import pytest

from kaf.cli.data import read_dataset
from kaf.cli.main import main
from kaf.experiments import tables


@pytest.mark.parametrize("name", tables.TABLES)
def test_each_table_is_an_ordinary_csv_file(name, tmp_path):
    """`kaf train` infers the task, and reads the numbers that were written."""
    tables.write_csv(tmp_path / "t.csv", name)
    data, (x, y) = read_dataset(tmp_path / "t.csv"), tables.TABLES[name].data()
    np.testing.assert_array_equal(data.x, x)
    if tables.TABLES[name].is_regression:
        np.testing.assert_array_equal(data.y, y)
    else:
        assert [data.classes[i] for i in data.y] == [f"class {label:g}" for label in y]


def test_draws():
    found = tables.draws()
    assert len(set(found)) == 20 and {len(draw.units) for draw in found} == {1, 2, 3}
    assert all(16 <= width <= 256 and len(set(draw.units)) == 1 for draw in found for width in draw.units)
    assert all(0.001 <= draw.rate <= 0.0317 and 1e-6 <= draw.decay <= 0.1 for draw in found)


def test_the_command(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(tables, "TABLES", {name: tables.TABLES[name] for name in ("wine", "diabetes")})
    small = [tables.Draw((4,), 0.01, 0.1), tables.Draw((64,), 0.03, 1e-6)]
    monkeypatch.setattr(tables, "draws", lambda: small)
    assert main(["experiment", "tables", "--seeds", "2", "--epochs", "4", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    rows = [
        line.split() for line in out.partition("Test scores")[2].splitlines() if line.startswith((" wine", " diab"))
    ]
    assert [(row[0], row[1], len(row)) for row in rows] == [("wine", "178", 8), ("diabetes", "442", 8)]
    assert float(rows[0][4]) > 0.8 and rows[0][-1] in ("above", "level", "BELOW")
    assert max(map(len, out.partition("Test scores")[2].splitlines()[:-1])) <= 80
    text = (tmp_path / "tables.md").read_text()
    assert "| wine | 178 |" in text and sorted(path.name for path in tmp_path.iterdir()) == ["tables.md"]
