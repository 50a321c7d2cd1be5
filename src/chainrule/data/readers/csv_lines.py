"""The physical lines of a text file, validated before they are parsed."""

from __future__ import annotations

import codecs
import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from chainrule.errors import DataError, alternatives, fact
from chainrule.records import frozen

# The encoding of a text file, detected from its bytes.
#
# Text is UTF-8 unless its bytes are invalid in UTF-8; a text of another encoding is almost never valid UTF-8
# by chance. A byte order mark decides at once, and NUL bytes at every second position decide for UTF-16.
# Otherwise the encodings of ``MODELS`` are compared by likelihood: each is a distribution over characters,
# and the words outside ASCII of the file are decoded with each codec and scored in bits. Three facts separate
# the encodings:
#
# - Chinese, Japanese and Korean use few thousand common characters; a wrong codec yields rare ones, or fails;
# - in Latin alphabets, letters outside ASCII occur alone between ASCII letters, in other alphabets in runs;
# - capital letters begin words, which separates code pages of one alphabet, such as KOI8-R and Windows-1251.
#
# Each word counts once, however often it occurs. A word that is damaged in UTF-8 does not make the file one
# of another encoding: if most sequences are valid UTF-8, the file is UTF-8 with an error, and the error is
# reported. The choice is a notice that the user sees; ``encoding=`` sets another one.
#
# charset-normalizer was rejected: it needs texts of some length, and a table of names has few words outside
# ASCII; ``tests/unit/data/test_encodings.py`` contains short columns in 16 encodings.

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_PIECE = 1 << 20
_SAMPLE = 200_000  # bytes of lines outside ASCII that are compared
_WORD = re.compile(r"[A-Za-z]*[^\x00-\x7f](?:[A-Za-z]|[^\x00-\x7f])*")
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
NONSENSE = -16.0  # bits per character: below it, no model describes the text


@frozen(eq=False)
class Model:
    """A distribution over the characters of an encoding.

    Args:
        codec: name of Python's codec.
        name: name for the user.
        bits: of several words: the logarithm of their probability.
        prior: in bits: how rare files of this encoding are.
    """

    codec: str
    name: str
    bits: Callable[[Collection[str]], float]
    prior: float = 0.0


def detect(binary: BinaryIO) -> tuple[str, str]:
    """Return the codec of a text file and the name of a guessed encoding, empty if it was not guessed.

    Args:
        binary: the file at its start; left at its start.

    Example:
        >>> import io
        >>> detect(io.BytesIO("城市,人口\\n北京,2189\\n上海,2487\\n".encode("gbk")))
        ('gb18030', 'GB18030')
        >>> detect(io.BytesIO("name\\nZoë\\n".encode()))
        ('utf-8', '')
    """
    head = binary.read(4096)
    binary.seek(0)
    for bom, codec in _BOMS:
        if head.startswith(bom):
            return codec, ""
    if codec := _utf16(head):
        return codec, codec.upper()
    if is_valid(binary, "utf-8"):
        return "utf-8", ""
    sample = _lines_outside_ascii(binary)
    if b"\0" in sample or _is_damaged_utf8(sample):
        return "utf-8", ""
    for model, bits in ranking(sample):
        if bits > NONSENSE and is_valid(binary, model.codec):
            return model.codec, model.name
    return "utf-8", ""


def is_valid(binary: BinaryIO, codec: str) -> bool:
    """Return whether all bytes of a file can be decoded; the file is left at its start."""
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        while piece := binary.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    finally:
        binary.seek(0)
    return True


def ranking(sample: bytes) -> list[tuple[Model, float]]:
    """Return the models whose codec decodes the sample, the likeliest first, with the bits per character."""
    scored = []
    for model in MODELS:
        try:
            text = sample.decode(model.codec)
        except UnicodeError:
            continue
        words = dict.fromkeys(_WORD.findall(text))
        total = model.bits(words) + model.prior
        count = sum(ch > "\x7f" for word in words for ch in word)
        scored.append((total, total / max(count, 1), model))
    scored.sort(key=lambda entry: -entry[0])
    return [(model, mean) for _, mean, model in scored]


def _utf16(head: bytes) -> str:
    """Return the variant of UTF-16 without a mark: every second byte is NUL, and none of the others."""
    half = len(head) // 2
    even, odd = head[0 : 2 * half : 2].count(0), head[1 : 2 * half : 2].count(0)
    if half >= 2 and odd > 0.7 * half and not even:
        return "utf-16-le"
    return "utf-16-be" if half >= 2 and even > 0.7 * half and not odd else ""


def _lines_outside_ascii(binary: BinaryIO) -> bytes:
    """Return lines with bytes above 127 from the whole file, up to ``_SAMPLE`` bytes."""
    lines, size = [], 0
    while (line := binary.readline(_SAMPLE)) and size < _SAMPLE:
        if not line.isascii():
            lines.append(line)
            size += len(line)
    binary.seek(0)
    return b"".join(lines)


def _is_damaged_utf8(sample: bytes) -> bool:
    """Return whether most bytes above 127 belong to valid sequences of UTF-8, with several sequences."""
    high = sum(byte > 127 for byte in sample)
    sequences = _SEQUENCE.findall(sample)
    return len(sequences) >= 3 and sum(map(len, sequences)) > 0.8 * high


# Characters of East Asia: a class of characters has a probability that its members share.
_PUNCTUATION = -11.0
_RARE = -22.0
_HAN = (
    "的一是不了人在有我他这中大来上国个到说们为子和地出道也时年得就那要下以生会自着去之过家学对可里后"
    "小市区省县男女东西南北京海山江湖河州安明王李张刘陈名性别日月价格城口类型号数量"
)
_MORE_HAN = (
    "行天发长用动分主部力无斯高公手事法机开外民尔新心电面头好体多点特意全化理水政文者成利三战第军方工"
    "本定重两车前十克入业场加实于作合拉教交通亚情物美内同员度身产制二万老马报期金相打信门起气能世关代"
    "路当位总回院流进书线看次光放商风视处权平所保任台品正科四华比德士收语经太运见选解反清想此受接几联"
    "星现集感传转五火知向党级爱建原布取花首真种结然表立程调队间务常乐共论义强击色巴界话资基儿案器图委"
    "言百尼最如应网带单称片白空边落治议管领达球指字节维局计影游元记导变赛师神声失观周深样府活组服护件"
    "团演林目各专少造证族精质装社提约校难复卫病预房改查命推热古兰剧走友料连标形音官近职极效率千而问使"
    "决统直死设米派早红给司钱示非备照英增住亲列罗步黑营满夫防波快听支式干境告先条编奖害救修留客层等从"
    "果历像源举投杀办离警广求系容参息存争值除远费引算停假势伤眼阿试石做由更持写纪助消低创晚评室往六半"
    "班配血八并及认史术规整致注属录农象绝限双兴播福汉养票楼兵药纳恶夜很展站何望至切"
)
_HANGUL = "이다는의에가을고하로기지사서도리어자인대시한구동남여김박정성주경수민제원부산울천청"
_MORE_HANGUL = (
    "스아라트드나마장전소니미비유상오일레해보신우진요무선모조려세치타프화바연러공관그파거크카단야국실"
    "내방포안문교물명터위발히학피재토호중영운회양식코생르버체디계행노반간당심워저용데통면금차루린강개"
    "티분래만배브매들임감불종질출까키력으역직예점과작군난메입적초즈판법결합후태올달음속외더건업본추돌"
    "플테약베온색퍼현네두복창머격목망알설급평절증승형석와살커투열변져애독각집편페란병림광블친표처갈겨"
    "게걸근언릴너백쳐환클른날항악립말은밀할순담케품션슬권손막패취탄북렸충총졌벌등송령술왕료향축쿠락탈"
    "폭랜없따누특론량류별새녀침귀허줄름긴준극"
)


def _level(codec: str, low: int, high: int) -> Callable[[str], bool]:
    """Return whether a character has a first byte of a range in a codec, where the common ones come first."""

    def inside(char: str) -> bool:
        try:
            encoded = char.encode(codec)
        except UnicodeError:
            return False
        return len(encoded) == 2 and low <= encoded[0] <= high

    return inside


def _east(classes: Iterable[tuple[Callable[[str], bool], float]]) -> Callable[[Collection[str]], float]:
    """Return the bits of words of an East Asian encoding: of the first class that contains each character."""
    classes = tuple(classes)

    def cost(char: str) -> float:
        return next((bits for inside, bits in classes if inside(char)), _RARE)

    return lambda words: sum(cost(char) for word in words for char in word if char > "\x7f")


def _between(low: str, high: str) -> Callable[[str], bool]:
    return lambda char: low <= char <= high


_CHINESE = ((lambda char: char in _HAN, -8.5), (lambda char: char in _MORE_HAN, -10.1))
_ASIAN_SIGNS = (lambda char: char in "　、。，：；（）《》「」“”·％－～", _PUNCTUATION)
_GB = _east(
    (*_CHINESE, (_level("gb2312", 0xB0, 0xD7), -13.0), _ASIAN_SIGNS, (_level("gb2312", 0xD8, 0xF7), -17.0))
)
_BIG5 = _east(((_level("big5", 0xA4, 0xC6), -12.4), _ASIAN_SIGNS, (_level("big5", 0xC9, 0xF9), -18.0)))
_KANA = ((_between("ぁ", "ん"), -7.0), (_between("ァ", "ー"), -8.0))
_NARROW_KANA = (_between("｡", "ﾟ"), -13.5)
_KANJI, _RARE_KANJI = (_level("shift_jis", 0x88, 0x98), -13.0), (_level("shift_jis", 0x98, 0xEA), -20.0)
_JAPANESE = _east((*_KANA, _KANJI, _ASIAN_SIGNS, _NARROW_KANA, _RARE_KANJI))
_SYLLABLES = ((lambda char: char in _HANGUL, -7.0), (lambda char: char in _MORE_HANGUL, -9.1))
_KOREAN = _east((*_SYLLABLES, (_level("euc_kr", 0xB0, 0xC8), -12.7), _ASIAN_SIGNS))

# Alphabets, the most frequent letters first.
_SIGNS = "°€£§²³µ×±–—‘’“”•…™®©½«»ºª\u00a0"
_APART = -5.0  # for an unlikely neighbor, such as a capital letter after a small one


def _alphabet(letters: str, is_latin: bool) -> Callable[[str], float]:
    """Return the bits of a word in an alphabet; after a ``$``, letters that occur at the end of words."""
    is_final, letters = letters.endswith("$"), letters.removesuffix("$")
    weights = [1.0 / (rank + 3) for rank in range(len(letters))]
    cost = {letter: math.log2(w / sum(weights)) for letter, w in zip(letters, weights, strict=True)}
    for letter, value in list(cost.items()):
        cost.setdefault(letter.upper(), value - 2.5)
    cost |= {sign: -8.0 for sign in _SIGNS if sign not in cost}

    def bits(word: str) -> float:
        total = 0.0
        for before, char, after in zip(" " + word[:-1], word, word[1:] + " ", strict=True):
            if char > "\x7f":
                total += cost.get(char, -13.0 if char.isalpha() else -16.0)
                total += _APART * (is_latin and before > "\x7f") + _APART * (is_final and after.isalpha())
            total += _APART * (char.isupper() and before.islower())
            total += _APART * (not is_latin and before.isalpha() and (before > "\x7f") != (char > "\x7f"))
        return total

    return bits


def _one_of(*alphabets: str, is_latin: bool = True) -> Callable[[Collection[str]], float]:
    """Return the bits of words in the likeliest of several alphabets."""
    scores = [_alphabet(letters, is_latin) for letters in alphabets]
    return lambda words: max(sum(map(score, words)) for score in scores)


_WESTERN = _one_of(
    "éèàêçîôûùâïëœ", "üäöß", "óíáéñúü", "ãçéáíóêõúâôà", "àèòùìé$", "åäöøæé", "ëéïöü", "ðíáþúéóýæö"
)
_CENTRAL = _one_of("łąężóśćńź", "íáěéřýšžčůúťňóď", "áéöóőíüúű", "ăâîşţ", "čćžšđ", "áíéžčýšťúľôňäĺŕ")
_RUSSIAN = _one_of("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґ", is_latin=False)
_GREEK = _one_of("αοιεητσνρκπυλμωθγδςάίέόήύώβχφζξψϊϋ", is_latin=False)
_HEBREW = _one_of("יוהלארתבמשנקדעםחפטצגכזןסךץף", is_latin=False)
_ARABIC = _one_of("اليمنورتبعدهسقفكحجةصطأشىخضذثزغئءظؤإآ", is_latin=False)
_THAI = _one_of("านรกอเ่งมย้ลวดทสตะปัิีบคหแ์จพชขใไผถุู็ำซธณฟศฐ", is_latin=False)

MODELS = (
    Model("cp1252", "Windows-1252", _WESTERN),
    Model("gb18030", "GB18030", _GB),
    Model("big5", "Big5", _BIG5, -3.0),
    Model("cp932", "Shift_JIS", _JAPANESE, -3.0),
    Model("euc_jp", "EUC-JP", _JAPANESE, -6.0),
    Model("cp949", "EUC-KR", _KOREAN, -3.0),
    Model("cp1250", "Windows-1250", _CENTRAL, -3.0),
    Model("cp1251", "Windows-1251", _RUSSIAN, -3.0),
    Model("koi8_r", "KOI8-R", _RUSSIAN, -8.0),
    Model("cp866", "CP866", _RUSSIAN, -8.0),
    Model("cp1253", "Windows-1253", _GREEK, -4.0),
    Model("cp1254", "Windows-1254", _one_of("ışğüöçİ"), -4.0),
    Model("cp1255", "Windows-1255", _HEBREW, -4.0),
    Model("cp1256", "Windows-1256", _ARABIC, -4.0),
    Model("cp874", "TIS-620", _THAI, -4.0),
    Model("mac_roman", "Mac Roman", _WESTERN, -8.0),
    Model("cp850", "CP850", _WESTERN, -8.0),
)


CELL_LIMIT = 10_000_000  # characters of one line or one quoted cell


@dataclass
class Lines:
    """The physical lines of a file; ``number`` counts them.

    Args:
        name: name of the file for messages.
        binary: the file at its start.
        encoding: codec of the text; detected if it is empty.
    """

    name: str
    binary: BinaryIO
    encoding: str = ""
    number: int = 0
    buffered: int = 0  # characters passed to the csv reader since its last complete record
    guessed: str = ""  # name of an encoding that was detected by likelihood
    text: io.TextIOWrapper = field(init=False)

    def __post_init__(self) -> None:
        if not self.encoding:
            self.encoding, self.guessed = detect(self.binary)
        self.text = io.TextIOWrapper(self.binary, encoding=self.encoding, newline="")

    def __iter__(self) -> Iterator[str]:
        readline = self.text.readline
        try:
            while line := readline(CELL_LIMIT + 1):
                self.number += 1
                if self.number == 1:  # joined files and some programs repeat the byte order mark
                    line = line.lstrip("\ufeff")
                self.buffered += len(line)
                if self.buffered > CELL_LIMIT or "\0" in line:
                    self._check(line)
                yield line
        except UnicodeError as error:
            raise self._undecodable(error) from error

    def block(self, characters: int) -> str:
        """Return the next lines, not counted yet, as one text of at least this length; ``""`` at the end."""
        try:
            text = self.text.read(characters)
            text += self.text.readline(CELL_LIMIT + 1)
        except UnicodeError:
            self._find_undecodable()
            raise
        if len(text) > CELL_LIMIT or "\0" in text:
            self._require_valid(text)
        return text

    def _find_undecodable(self) -> None:
        """Raise the error of the first line that cannot be decoded."""
        self.text.detach()
        self.binary.seek(0)
        self.text = io.TextIOWrapper(self.binary, encoding=self.encoding, newline="")
        self.number = 0
        for _ in self:
            self.buffered = 0

    def _require_valid(self, text: str) -> None:
        """Raise the error of the first line of a text that is too long or contains a NUL, if there is one."""
        start = self.number
        for line in io.StringIO(text, newline=""):
            self.number, self.buffered = self.number + 1, len(line)
            self._check(line)
        self.number, self.buffered = start, 0

    def _check(self, line: str) -> None:
        if self.buffered > CELL_LIMIT:
            raise self._too_large(fact("over {limit:,} characters", limit=CELL_LIMIT))
        if "\0" in line:
            where = fact("{file} line {line}", file=self.name, line=self.number)
            fix = fact("save the file as text in UTF-8")
            raise DataError("E307", where=where, received=fact("a NUL byte"), fix=fix)

    def _too_large(self, received: str) -> DataError:
        where = fact("{file} line {line}", file=self.name, line=max(self.number, 1))
        expected = fact("cells and lines under {limit:,} characters", limit=CELL_LIMIT)
        return DataError(
            "E308", where=where, expected=expected, received=received, fix=fact("is this a table?")
        )

    def _undecodable(self, error: UnicodeError) -> DataError:
        line, byte = self.number + 1, ""
        if isinstance(error, UnicodeDecodeError):
            before = error.object[: error.start].replace(b"\r\n", b"\n")
            line += before.count(b"\n") + before.count(b"\r")
            byte = f"byte 0x{error.object[error.start]:02x}"
        expected = fact("text in UTF-8 (or UTF-16 with its mark)")
        if self.encoding not in ("utf-8", "utf-8-sig", "utf-16"):
            expected = fact("text in {encoding}", encoding=self.encoding)
        name = self._likely()
        return DataError(
            "E307",
            where=fact("{file} line {line}", file=self.name, line=line),
            expected=expected,
            received=byte or str(error),
            fix=alternatives(f'encoding="{name}"', f"--encoding {name}"),
        )

    def _likely(self) -> str:
        """Return the most likely encoding of the beginning of the file, other than that of the lines."""
        self.binary.seek(0)
        head = self.binary.read(1_000_000)
        complete = head[: head.rfind(b"\n") + 1] or head
        likely = [model.codec for model, _ in ranking(complete) if model.codec != self.encoding]
        return likely[0] if likely else "latin-1"
