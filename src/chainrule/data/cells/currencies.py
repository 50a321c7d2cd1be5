"""Signs and abbreviations before or after a number: currencies, magnitudes, and units that are times."""

from __future__ import annotations

_SIGNS = "$ US$ A$ AU$ C$ CA$ HK$ NT$ NZ$ S$ R$ Mex$ € £ ¥ ₹ ₩ ₽ ₺ ₪ ฿ ₫ ₦ ₴ ₱ ₸ ₼ ₡ ₲ ¢"
_WORDS = (
    "rs rs. kr kr. zł kč ft fr fr. sfr sfr. lei лв руб руб. р. 元 圆 円 圓 원 dollars dollar euro euros "
    "pounds yen yuan"
)
_CODES = (
    "usd eur gbp jpy cny rmb chf cad aud nzd hkd sgd twd ntd inr krw rub brl mxn zar sek nok dkk isk pln czk "
    "huf ron bgn try ils aed sar qar kwd bhd egp mad ngn kes ghs thb vnd idr myr php pkr bdt lkr uah kzt gel "
    "ars clp cop pen uyu btc eth usdt"
)
CURRENCIES = frozenset(word.lower() for words in (_SIGNS, _WORDS, _CODES) for word in words.split())
_CODE_OF_SIGN = {
    "us$": "usd", "$": "usd", "dollar": "usd", "dollars": "usd", "€": "eur", "euro": "eur", "euros": "eur",
    "£": "gbp", "pounds": "gbp", "¥": "jpy", "yen": "jpy", "rmb": "cny", "元": "cny", "yuan": "cny",
    "₹": "inr", "rs": "inr", "rs.": "inr", "zł": "pln", "r$": "brl", "fr": "chf", "fr.": "chf", "sfr": "chf",
    "sfr.": "chf",
}  # fmt: skip
CERTAIN_MAGNITUDES = {
    "k": 1e3, "thousand": 1e3, "tsd": 1e3, "mn": 1e6, "mm": 1e6, "mio": 1e6, "mill": 1e6, "million": 1e6,
    "bn": 1e9, "mrd": 1e9, "billion": 1e9, "trn": 1e12, "trillion": 1e12, "千": 1e3, "万": 1e4,
    "萬": 1e4, "百万": 1e6, "亿": 1e8, "億": 1e8,
}  # fmt: skip
MAGNITUDES = CERTAIN_MAGNITUDES | {"m": 1e6, "b": 1e9, "t": 1e12}  # letters that may also be a unit
TIMES = frozenset(
    ("s", "sec", "secs", "second", "min", "mins", "minute", "h", "hr", "hrs", "hour", "d", "day", "ms")
)


def currency_code(text: str) -> str:
    """The currency of a sign, code or name; ``""`` if it is none.

    Example:
        >>> currency_code("US$"), currency_code("EUR"), currency_code("cm")
        ('usd', 'eur', '')
    """
    folded = text.lower()
    return _CODE_OF_SIGN.get(folded, folded) if folded in CURRENCIES else ""


def split_magnitude(text: str) -> tuple[float, str]:
    """The factor of a suffix such as ``M`` or ``万元``, and the rest of it.

    Example:
        >>> split_magnitude("k"), split_magnitude("Mio €"), split_magnitude("cm")
        ((1000.0, ''), (1000000.0, '€'), (1.0, 'cm'))
    """
    words = text.split()
    head = words[0] if words else ""
    if head.lower().rstrip(".") in MAGNITUDES and head != "mm":
        return MAGNITUDES[head.lower().rstrip(".")], " ".join(words[1:])
    for end in range(len(text) - 1, 0, -1):
        if text[:end] in MAGNITUDES and not text[end:].isascii():
            return MAGNITUDES[text[:end]], text[end:].strip()
    return 1.0, text
