"""Short texts of many encodings are decoded; text that is UTF-8, damaged or not, is never read as another."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data.readers.csv_lines import MODELS, detect, ranking
from chainrule.data.readers.read_options import is_text_encoding
from chainrule.errors import UsageError

TEXTS: dict[str, tuple[str, ...]] = {
    "gb18030": (
        "城市\n北京\n上海\n",
        "name\n张三\n李四\n",
        "颜色\n红\n绿\n",
        "评价\n非常满意\n一般\n",
        "性别\n男\n女\n",
        "是否吸烟\n是\n否\n",
        "等级\n优\n良\n差\n",
        "sex\n男\n女\n",
        "学历\n本科\n硕士\n",
    ),
    "big5": ("城市\n台北\n高雄\n", "顏色\n紅色\n綠色\n", "學校\n國立臺灣大學\n"),
    "cp932": ("都市\n東京\n大阪\n", "名前\nすずき\nさとう\n", "商品\nノート\nペン\n"),
    "euc_jp": ("名前\nすずき\nさとう\n",),
    "cp949": (
        "도시\n서울\n부산\n",
        "이름\n김철수\n이영희\n",
        "부서\n영업부\n총무부\n",
        "성별\n남\n여\n",
        "흡연\n예\n아니오\n",
        "등급\n우수\n보통\n",
        "sex\n남성\n여성\n",
        "학력\n고졸\n대졸\n",
        "결제\n카드\n현금\n",
        "상태\n정상\n고장\n",
    ),
    "cp1252": (
        "name\nZoë\n",
        "ville\nOrléans\nBesançon\n",
        "Stadt\nMünchen\nGießen\n",
        "país\nEspaña\nMéxico\n",
        "farge\nblå\nrød\n",
        "temp °C\n5\n",
        "città\nForlì\n",
        "estado\nSão Paulo\nParaná\n",
    ),
    "cp1250": ("město\nPlzeň\nČeské Budějovice\n", "kolor\nżółty\nczerwony\n", "szín\nvörös\nősz\nfehér\n"),
    "cp1251": ("город\nМосква\nКазань\n", "колір\nчервоний\nсиній\n"),
    "koi8_r": ("цвет\nкрасный\nсиний\nзелёный\n",),
    "cp866": ("город\nМосква\nКазань\n",),
    "cp1253": ("πόλη\nΑθήνα\nΘεσσαλονίκη\n",),
    "cp1254": ("şehir\nİstanbul\nIğdır\n",),
    "cp1255": ("עיר\nתל אביב\nירושלים\n",),
    "cp1256": ("مدينة\nالقاهرة\nالإسكندرية\n",),
    "cp874": ("เมือง\nกรุงเทพ\nเชียงใหม่\n",),
    "mac_roman": ("ville\nOrléans\nBesançon\nSète\n",),
    "cp850": ("Stadt\nMünchen\nKöln\nGießen\n",),
}
CASES = [(codec, text) for codec, texts in TEXTS.items() for text in texts]


@pytest.mark.parametrize(("codec", "text"), CASES)
def test_short_texts_are_decoded(codec: str, text: str) -> None:
    content = text.encode(codec)
    assert content.decode(detect(io.BytesIO(content))[0]) == text


def test_every_model_has_a_text() -> None:
    assert {model.codec for model in MODELS} == set(TEXTS)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_text_in_utf8_is_never_read_as_another_encoding(text: str) -> None:
    content = text.encode()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return
    codec, guessed = detect(io.BytesIO(content))
    assert (content.decode(codec).removeprefix("\ufeff"), guessed) == (text.removeprefix("\ufeff"), "")


@given(st.binary(max_size=80))
def test_detection_of_any_bytes_names_a_codec_and_leaves_the_file_at_its_start(content: bytes) -> None:
    binary = io.BytesIO(content)
    codec, _ = detect(binary)
    assert is_text_encoding(codec)
    assert binary.tell() == 0


@given(st.sampled_from(sorted(TEXTS)), st.integers(1, 50))
def test_repetition_does_not_change_the_choice(codec: str, times: int) -> None:
    content = TEXTS[codec][0].encode(codec)
    assert ranking(content)[0][0] is ranking(content * times)[0][0]


def test_the_choice_is_a_notice_and_an_encoding_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "cities.csv"
    path.write_bytes("城市,人口\n北京,1\n上海,2\n".encode("gbk"))
    assert [notice.en for notice in cr.read_table(path).notices] == [
        "cities.csv is read as GB18030 (encoding= sets another)"
    ]
    assert cr.read_table(path, encoding="gbk").notices == ()
    assert cr.read_table(path, encoding="latin-1").columns != cr.read_table(path).columns
    for name in ("rot13", "punycode", "no-such", "base64", "x\0"):
        with pytest.raises(UsageError, match="E101"):
            cr.read_table(path, encoding=name)
