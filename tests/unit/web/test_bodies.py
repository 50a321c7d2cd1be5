"""Strict JSON: what the standard allows is read, everything else is refused."""

from __future__ import annotations

import json

import pytest

from case_loops import loop_over
from chainrule.web import RequestError, parse_json

ACCEPTED = (
    b"[]",
    b"{}",
    b"null",
    b"true",
    b'"a"',
    b"0",
    b"-0",
    b"1e3",
    b"1E-2",
    b"-1.5",
    b" \t\r\n[1]\n",
    b'"\\u0000"',
    b'"\\ud83d\\ude00"',
    '"äß中"'.encode(),
    b'{"a":{"b":[1,{}]}}',
    b'{"":0}',
    b"123456789012345678901234567890",
    b'"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    b"[1e-400]",
    b'"\x7f"',
    '"\u2028"'.encode(),
    b"[" * 200 + b"]" * 200,
)
REFUSED = (
    b"",
    b" ",
    b"[",
    b"]",
    b"{",
    b'{"a"',
    b'{"a":',
    b"[1,]",
    b'{"a":1,}',
    b"[,1]",
    b"[1 2]",
    b"{1:2}",
    b"{'a':1}",
    b"NaN",
    b"[NaN]",
    b"Infinity",
    b"-Infinity",
    b"[-Infinity]",
    b"nan",
    b"inf",
    b"True",
    b"nul",
    b"01",
    b"-01",
    b"+1",
    b"1.",
    b".5",
    b"1e",
    b"0x10",
    b"1_000",
    b"--1",
    b'"a',
    b"'a'",
    b'"\\x41"',
    b'"\\u12"',
    b'"\n"',
    b'"\t"',
    b'"\x00"',
    b"[1]x",
    b"[1][2]",
    b"[1]\x00",
    b"\xff",
    b'"\xff"',
    b'"\xc0\xaf"',
    b'"\xed\xa0\x80"',
    b"\xef\xbb\xbf[]",
    b'"\\ud800"',
    b'["\\uDC00"]',
    "[1]".encode("utf-16"),
    "[1]".encode("utf-32"),
    b"/* */[]",
    b"// x\n[]",
    b"[1]\x0c",
    b"[\xc2\xa0]",
    b"\xe2\x80\x8b[]",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b"9" * 10_000,
    b"[" + b"1" * 5000 + b"]",
    b"#[]",
    b"undefined",
    b"[1,,2]",
    b'{"a" 1}',
    b'{"a":1 "b":2}',
    b"{,}",
)


@loop_over("content", ACCEPTED)
def test_standard_json_is_read(content: bytes) -> None:
    assert parse_json(content) == json.loads(content)


@loop_over("content", REFUSED)
def test_other_texts_are_refused(content: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        parse_json(content)
    assert caught.value.status == 400
    assert len(caught.value.text("en")) < 200


def test_a_repeated_key_is_refused_where_it_must_not_be() -> None:
    content = b'{"a": 1, "b": {"c": 1, "c": 2}}'
    assert parse_json(content) == {"a": 1, "b": {"c": 2}}
    with pytest.raises(RequestError) as caught:
        parse_json(content, may_repeat_keys=False)
    assert '"c"' in caught.value.text("en")
    assert "“c”" in caught.value.text("zh")
