"""Real records: the system word list and the data sets of the vega-datasets package, with every shape a record can have."""

import csv
import io
import itertools
import json
import pathlib

import vega_datasets

WORDS = pathlib.Path("/usr/share/dict/words")


def _rows():
    """Every row of every data set as (data set name, JSON bytes)."""
    folder = pathlib.Path(vega_datasets.__file__).parent / "_data"
    for path in sorted(folder.iterdir()):
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", errors="replace", newline="") as file:
                for row in csv.DictReader(io.StringIO(file.read())):
                    yield path.name, json.dumps(row, ensure_ascii=False).encode()
        elif path.suffix == ".json":
            rows = json.loads(path.read_text(encoding="utf-8"))
            for row in rows if isinstance(rows, list) else [rows]:
                yield path.name, json.dumps(row, ensure_ascii=False).encode()
    for word in WORDS.read_text(encoding="utf-8").splitlines():
        yield "words", word.encode()


ROWS = list(_rows())


def records(count, seed=0):
    """Yields `count` records as (key, value, headers), the rows repeated as often as needed.

    Null and empty keys and values, repeated header names and null header values all occur.
    """
    start = (seed * 7919) % len(ROWS)
    for number, (name, row) in zip(range(count), itertools.islice(itertools.cycle(ROWS), start, None)):
        key = None if number % 13 == 0 else b"" if number % 29 == 0 else b"%d" % number
        value = None if number % 17 == 0 else b"" if number % 31 == 0 else row
        headers = []
        if number % 3 == 0:
            headers = [("set", name.encode()), ("n", b"%d" % number)]
        if number % 7 == 0:
            headers += [("set", None), ("", b""), ("n", "žluťoučký".encode())]
        yield key, value, headers
