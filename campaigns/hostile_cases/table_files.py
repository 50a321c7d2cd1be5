"""Untrusted table files: bombs, XML entities, sparse sheets, SQL that leaves its database, damage.

Each file is read in a child process under an audit hook: no other process, no socket, no file outside its
folder. A file beside the folder of the case holds a secret, which must not be in any result.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import sqlite3
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from campaigns.hostile_cases.images import watch
from campaigns.hostile_cases.isolated import run_isolated
from campaigns.hostile_cases.section import Section

from chainrule.data import read_table
from chainrule.data.readers import databases
from chainrule.data.readers.isolated import decoding
from chainrule.errors import ChainruleError
from chainrule.settings import settings

SECONDS, MEGABYTES = 20.0, 1500.0  # limits for one file
QUERY_SECONDS = 1.0  # limit of a query during the campaign
SECRET = "tangerine-7351"
KNOWN = (  # free memory; translations
    "/etc/hostname",
    "/proc/meminfo",
    "/proc/self/",
    "/sys/fs/cgroup/",
    "/locale/zh/LC_MESSAGES/chainrule.mo",
)
_NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
Case = tuple[str, str, bytes, Mapping[str, Any]]  # title, name of the file, its bytes, options of reading


def workbook(sheet: str, strings: str = "", declaration: str = "") -> bytes:
    """A workbook with one sheet, from its XML."""
    stream = io.BytesIO()
    head = f'<?xml version="1.0"?>{declaration}'
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(
            "xl/workbook.xml",
            f'{head}<workbook {_NAMESPACE} xmlns:r="{_RELATIONS}">'
            '<sheets><sheet name="s" sheetId="1" r:id="a"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="a" Type="{_RELATIONS}/worksheet" Target="worksheets/s.xml"/>'
            f'<Relationship Id="b" Type="{_RELATIONS}/sharedStrings" Target="strings.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/worksheets/s.xml", f"{head}<worksheet {_NAMESPACE}><sheetData>{sheet}</sheetData></worksheet>"
        )
        archive.writestr("xl/strings.xml", f"{head}<sst {_NAMESPACE}>{strings}</sst>")
    return stream.getvalue()


_NAMES = [f'<c r="{name.upper()}1" t="inlineStr"><is><t>{name}</t></is></c>' for name in "ab"]
_HEADER = f'<row r="1">{"".join(_NAMES)}</row>'
_ROW = '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2"><v>1</v></c></row>'


def workbooks() -> Iterator[Case]:
    """Workbooks with entities, with few cells far apart, and with much text for few bytes."""
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    laughs = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'
    outside = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    remote = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'
    for name, declaration, text in (
        ("nested entities", laughs, "&l9;"),
        ("an external entity", outside, "&e;"),
        ("a remote DTD", remote, "x"),
    ):
        yield name, "t.xlsx", workbook(_HEADER + _ROW, f"<si><t>{text}</t></si>", declaration), {}
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    yield "a cell at the last place", "t.xlsx", workbook(_HEADER + far), {}
    wide = "".join(f'<c r="{c}1" t="inlineStr"><is><t>{c}</t></is></c>' for c in _columns(16_000))
    rows = "".join(f'<row r="{i}"><c r="A{i}"><v>1</v></c></row>' for i in range(2, 20_000))
    yield "a wide header above sparse rows", "t.xlsx", workbook(f'<row r="1">{wide}</row>{rows}'), {}
    yield "a row beyond the last", "t.xlsx", workbook(_HEADER + '<row r="99999999999"><c r="A1"/></row>'), {}
    yield "a column beyond the last", "t.xlsx", workbook('<row r="1"><c r="ZZZ1"><v>1</v></c></row>'), {}
    long_text = f"<si><t>{'x' * 30_000}</t></si>"
    many = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(2, 100_000))
    yield "a long text in many cells", "t.xlsx", workbook(_HEADER + many, long_text), {}
    yield "a sheet of zeros", "t.xlsx", workbook(_HEADER + " " * 400_000_000), {}
    yield "a missing text", "t.xlsx", workbook(_HEADER + _ROW), {}
    yield "deep XML", "t.xlsx", workbook("<a>" * 200_000 + "</a>" * 200_000), {}
    yield "a number that is none", "t.xlsx", workbook('<row r="1"><c r="A1"><v>1e</v></c></row>'), {}
    yield "an enormous number", "t.xlsx", workbook(_HEADER + f"<row><c><v>{'9' * 400}</v></c></row>"), {}


def _columns(count: int) -> Iterator[str]:
    for index in range(count):
        letters, rest = "", index + 1
        while rest:
            rest, digit = divmod(rest - 1, 26)
            letters = chr(65 + digit) + letters
        yield letters


def bombs() -> Iterator[Case]:
    """Small compressed files that expand to much, once and twice, and with false sizes."""
    zeros = b"a,b\n" + b"1,2\n" * 60_000_000
    packed = gzip.compress(zeros, 9)
    yield "gzip", "t.csv.gz", packed, {}
    yield "bzip2", "t.csv.bz2", bz2.compress(zeros[:100_000_000], 9), {}
    yield "xz", "t.csv.xz", lzma.compress(zeros[:100_000_000]), {}
    yield "gzip in gzip", "t.csv.gz", gzip.compress(gzip.compress(packed)), {}
    for name, content in (("zip", zeros), ("gzip in zip", packed)):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("t.csv", content)
        yield name, "t.zip", stream.getvalue(), {}
        size = struct.pack("<I", len(content))
        yield f"{name} with a false size", "t.zip", stream.getvalue().replace(size, struct.pack("<I", 99)), {}
    yield "xz with a dictionary of 1 GB", "t.csv.xz", _xz_of_large_dictionary(), {}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for i in range(20_000):
            archive.writestr(f"{i}.csv", "a\n1\n")
    yield "zip of 20,000 files", "t.zip", stream.getvalue(), {}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../../../tmp/t.csv", "a\n1\n")
    yield "zip with a path outside", "t.zip", stream.getvalue(), {}


def _xz_of_large_dictionary() -> bytes:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    content = bytearray(lzma.compress(b"a,b\n1,2\n" * 100, filters=filters))
    place = content.index(b"\x21\x01") + 2  # identifier and size of the properties, then the dictionary
    content[place] = 37  # 1 GB
    end = 12 + (content[12] + 1) * 4  # of the header of the block, whose last four bytes are a CRC32
    content[end - 4 : end] = struct.pack("<I", zlib.crc32(bytes(content[12 : end - 4])))
    return bytes(content)


def documents() -> Iterator[Case]:
    """JSON that is deep, sparse, or has enormous numbers."""
    yield "deep arrays", "t.json", b"[" * 1_000_000, {}
    yield "deep objects", "t.jsonl", b'{"a":' * 500_000, {}
    yield "a number of 10^6 digits", "t.json", b'[{"a": ' + b"9" * 1_000_000 + b"}]", {}
    yield (
        "objects without a common key",
        "t.json",
        json.dumps([{f"k{i}": 1} for i in range(30_000)]).encode(),
        {},
    )
    yield "lines without a common key", "t.jsonl", b"\n".join(b'{"k%d": 1}' % i for i in range(30_000)), {}
    yield "a number of 400 digits", "t.json", b'[{"a": ' + b"9" * 400 + b'}, {"a": 1.5}]', {}
    yield "infinities", "t.json", b'[{"a": Infinity}, {"a": -Infinity}, {"a": NaN}]', {}
    yield "lone surrogates", "t.json", b'[{"\\ud800": "\\udfff"}]', {}
    yield "a long line", "t.jsonl", b'{"a": "' + b"x" * 20_000_000 + b'"}', {}


def _npz(dtype: str, shape: str, content: bytes = b"") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + content)
    return stream.getvalue()


def arrays() -> Iterator[Case]:
    """Arrays that promise much, and numbers that are no characters."""
    for dtype in ("<U0", "|S0", "|V0"):
        yield f"10^9 elements of {dtype}", "t.npz", _npz(dtype, "(1000000000,)"), {}
    yield "no rows of 10^9 columns", "t.npz", _npz("<f8", "(0, 1000000000)"), {}
    yield "a character beyond Unicode", "t.npz", _npz("<U1", "(2,)", struct.pack("<II", 97, 0x110000)), {}
    yield "half a character", "t.npz", _npz("<U1", "(2,)", struct.pack("<II", 97, 0xD800)), {}
    entry = _npz("<f8", "(0,)")
    start, end = entry.index(b"PK\1\2"), entry.index(b"PK\5\6")
    directory = entry[start:end] * 1_000_000
    tail = entry[end : end + 12] + struct.pack("<I", len(directory)) + entry[end + 16 :]
    yield "a million arrays", "t.npz", entry[:start] + directory + tail, {}


def expansions() -> Iterator[Case]:
    """Valid Parquet and Arrow files that expand to gigabytes."""
    rows = 300_000_000
    numbers = pl.DataFrame({"a": pl.repeat(1.5, rows, eager=True)})
    texts = pl.DataFrame({"a": pl.repeat("x" * 1000, 3_000_000, eager=True)})
    for title, frame in (("numbers", numbers), ("texts", texts)):
        stream = io.BytesIO()
        frame.write_parquet(stream)
        yield f"{title} in Parquet", "t.parquet", stream.getvalue(), {}
    stream = io.BytesIO()
    numbers.write_ipc(stream, compression="zstd")
    yield "numbers in Arrow", "t.arrow", stream.getvalue(), {}


ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r WHERE n < 0"
SQLITE = {
    "an endless query": ENDLESS,
    "endless rows": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
    "a large value": "SELECT hex(zeroblob(900000000)) AS a",
    "an extension": "SELECT load_extension('/tmp/x.so') AS a",
    "another database": "ATTACH '{secret}' AS s",
    "a change": "DELETE FROM t",
    "a new table": "CREATE TABLE n (a)",
    "a new file": "VACUUM INTO '{folder}/stolen.db'",
    "a setting": "PRAGMA writable_schema = 1",
    "a transaction": "BEGIN EXCLUSIVE",
    "two statements": "SELECT 1 AS a; DROP TABLE t",
    "a file": "SELECT readfile('{secret}') AS a",
    "a join of itself": "SELECT a.a FROM t a, t b, t c, t d, t e, t f, t g, t h WHERE a.a + h.a < 0",
    "a deep expression": "SELECT " + "(" * 5000 + "1" + ")" * 5000 + " AS a",
    "many columns": "SELECT " + ", ".join(f"1 AS c{i}" for i in range(1999)),
    "nothing": "-- nothing",
}
DUCKDB = {
    "a file": "SELECT * FROM read_csv('{secret}')",
    "a file as a table": "SELECT * FROM '{secret}'",
    "a text": "SELECT * FROM read_text('{secret}')",
    "a folder": "SELECT * FROM glob('/etc/*')",
    "the network": "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    "another database": "ATTACH '{secret}' AS s",
    "a new file": "COPY (SELECT 1) TO '{folder}/stolen.csv'",
    "an export": "EXPORT DATABASE '{folder}/stolen'",
    "an extension": "INSTALL httpfs",
    "a loaded extension": "LOAD '{secret}'",
    "a setting": "SET enable_external_access = true",
    "a change": "DELETE FROM t",
    "an environment": "SELECT getenv('HOME') AS a",
    "endless rows": "SELECT * FROM range(1000000000000)",
    "an endless query": "SELECT count(*) AS n FROM range(100000000) a, range(100000000) b "
    "WHERE a.range + b.range < 0",
    "a large value": "SELECT repeat('x', 200000000) AS a",
    "nothing": "-- nothing",
}


def sqlite_file(view: str = "") -> bytes:
    """The bytes of a database with a table t and, if its text is given, a view v."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "t.sqlite")
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE t (a REAL, b TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(i, "x") for i in range(100)])
        if view:
            connection.execute(f"CREATE VIEW v AS {view}")
        connection.commit()
        connection.close()
        return path.read_bytes()


def duckdb_file(view: str = "") -> bytes:
    """As ``sqlite_file``, for DuckDB."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "t.duckdb")
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE t (a DOUBLE, b VARCHAR)")
            connection.execute("INSERT INTO t SELECT range, 'x' FROM range(100)")
            if view:
                connection.execute(f"CREATE VIEW v AS {view}")
        return path.read_bytes()


def queries() -> Iterator[Case]:
    """Queries of the user, and views of a file, that read or write more than the database."""
    for queries, content, name in ((SQLITE, sqlite_file(), "t.sqlite"), (DUCKDB, duckdb_file(), "t.duckdb")):
        for title, query in queries.items():
            yield f"{name}, {title}", name, content, {"query": query}
    yield "t.sqlite, a view without end", "t.sqlite", sqlite_file(ENDLESS), {"table": "v"}
    yield "t.sqlite, a large view", "t.sqlite", sqlite_file(SQLITE["a large value"]), {"table": "v"}
    view = "SELECT * FROM read_text('/etc/hostname')"
    yield "t.duckdb, a view of a file", "t.duckdb", duckdb_file(view), {"table": "v"}


def edits(seed: int, count: int) -> Iterator[Case]:
    """Valid files of each format, cut off or with changed bytes."""
    draw = random.Random(seed)
    rows = b"a,b\n" + b"1,x\n2,y\n" * 50
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("t.csv", rows)
    files = {
        "t.xlsx": workbook(_HEADER + _ROW, "<si><t>x</t></si>"),
        "t.zip": archive.getvalue(),
        "t.csv.xz": lzma.compress(rows),
        "t.csv.bz2": bz2.compress(rows),
        "t.sqlite": sqlite_file("SELECT a FROM t"),
        "t.duckdb": duckdb_file(),
        "t.json": b'[{"a": 1, "b": "x"}, {"a": null}]',
        "t.csv": "Stadt;Höhe\nKöln;1,5\n".encode("cp1252"),
        "t.dat": b"x   y\n1   2\n3  40\n",
    }
    for number in range(count):
        name = draw.choice(sorted(files))
        data = bytearray(files[name])
        for _ in range(draw.randint(0, 6)):
            data[draw.randrange(len(data))] = draw.choice([0, 255, 127, draw.randrange(256)])
        if draw.random() < 0.3:
            del data[draw.randrange(len(data)) :]
        options = {"table": "t"} if name in ("t.sqlite", "t.duckdb") else {}
        yield f"{name}, edit {number} of seed {seed}", name, bytes(data), options


def addresses() -> Iterator[Case]:
    """Names that a careless reader opens by network or as a command."""
    for name in (
        "http://127.0.0.1:9/t.csv",
        "http://169.254.169.254/latest/meta-data",
        "https://localhost/t.csv",
        "ftp://127.0.0.1/t.csv",
        "file:///etc/passwd",
        "s3://bucket/t.parquet",
        "jdbc:sqlite:t.db",
        "|id",
        "git+ssh://x/y",
    ):
        yield name, name, b"", {}


def read(folder: Path, name: str, options: Mapping[str, Any], isolated: bool) -> str:
    """Read a file; return the error or some rows; a forbidden action raises an exception.

    Args:
        isolated: whether it is decoded in another process, which starts before; else this one is watched.
    """
    settings.isolated_decoding = isolated
    if isolated:
        decoding.give_back(decoding.start())
    seen = watch(folder, ("socket.sendmsg",) if isolated else ())
    tempfile.tempdir = str(folder)
    databases.SECONDS = QUERY_SECONDS
    source = name if "://" in name or name.startswith("|") else str(folder / name)
    try:
        result = str(read_table(source, **options).frame.head(3).rows())
    except ChainruleError as error:
        result = str(error)
    forbidden = [event for event in seen if not any(known in event for known in KNOWN)]
    if forbidden or SECRET in result or len(list(folder.iterdir())) > 2:
        raise AssertionError(f"{forbidden[:5]} {result[:200]}")
    return result


def of_cases(title: str, cases: Iterator[Case], limit: float = MEGABYTES, isolated: bool = False) -> Section:
    """A section of files, each read in a child process of its own; ``isolated`` as ``read``."""
    remark = "no process, no socket, no open outside, nothing read or written beside the file"
    section = Section(title, remark=remark)
    for name, file, content, options in cases:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "case")
            folder.mkdir()
            Path(place, "secret.csv").write_text(f"a\n{SECRET}\n")
            if content:
                (folder / file).write_bytes(content)
            words = {"secret": f"{place}/secret.csv", "folder": str(folder)}
            chosen = {key: value.format(**words) for key, value in options.items()}
            _tried(f"{name}", lambda: read(folder, file, chosen, isolated), section, limit)  # noqa: B023
    return section


def _tried(name: str, case: Callable[[], str], section: Section, limit: float) -> None:
    outcome = run_isolated(case, limit=60.0)
    section.cases += 1
    section.worst_seconds = max(section.worst_seconds, outcome.seconds)
    section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes)
    if outcome.code or outcome.work > SECONDS or outcome.megabytes > limit:
        took = f"{outcome.work:.1f} s, {outcome.megabytes:.0f} MB"
        section.events.append(f"{name}: {outcome.code}, {took}, {outcome.text[-300:]}")


def run(quick: bool, seed: int) -> list[Section]:
    """All sections; ``quick`` runs a tenth of the edits."""
    return [
        of_cases("workbooks", workbooks()),
        of_cases("compressed tables that promise much", bombs()),
        of_cases("JSON documents", documents()),
        of_cases("arrays", arrays()),
        of_cases("Parquet and Arrow that expand", expansions(), isolated=True),
        of_cases("queries and views of databases", queries(), limit=4500.0),
        of_cases("addresses in place of files", addresses()),
        of_cases(
            "table files cut off or with other bytes", edits(seed, 120 if quick else 1200), isolated=True
        ),
    ]
