"""The preparation of a table in Python with NumPy: a function that encodes the columns of a list."""

from __future__ import annotations

from chainrule.data.tables.encoders.texts import MAX_CHARACTERS, SIZES
from chainrule.data.tables.spellings import YES_NO

ENCODE = f'''
FAR = 1e6  # standardized values are clipped to it
YES_NO = {YES_NO!r}


def encode(table):
    """The features of the network, float32: (B, F), or (B, H, W, C) of images."""
    parts = [ENCODERS[column["kind"]](column, table[column["name"]]) for column in COLUMNS]
    return np.concatenate(parts, axis=-1).astype(np.float32)


def is_missing(cell):
    return cell is None or cell == "" or cell != cell


def scaled(x, mean, std, limit=FAR):
    if not std > 0:
        return np.zeros(len(x))
    return np.clip((x - mean) / std, -limit, limit)


def with_indicator(column, values, missing):
    x = np.stack(values, axis=1)  # (B, F)
    x[missing] = 0.0
    return np.concatenate([x, missing[:, None]], axis=1) if column["indicator"] else x


def number(column, cells):
    x = np.array([np.nan if is_missing(cell) else float(cell) for cell in cells])
    z = scaled(x, column["mean"], column["std"], column.get("limit", FAR))
    return with_indicator(column, [z], np.isnan(x))


def yes_no(column, cells):
    values = [np.nan if is_missing(cell) else YES_NO.get(str(cell).strip().lower(), cell) for cell in cells]
    x = np.array([float(value) for value in values])
    missing = np.isnan(x)
    x = np.where(missing, column["mean"], x)[:, None]
    return np.concatenate([x, missing[:, None]], axis=1) if column["indicator"] else x


def category(column, cells):
    levels, rare = column["levels"], column["rare"]
    code_of = {{level: code for code, level in enumerate((*levels, *rare))}}
    listed, x = len(levels), np.zeros((len(cells), len(levels) + 2 * bool(rare) + column["missing"]))
    for row, cell in enumerate(cells):
        if is_missing(cell):
            x[row, -1] = column["missing"] or x[row, -1]
            continue
        code = code_of.get(str(cell), -1)
        if rare:
            mean, std = column["frequency"]
            count = column["counts"][code] if code >= 0 else min(column["counts"])
            x[row, listed + 1] = (math.log(count) - mean) / (std or 1.0)
            code = code if 0 <= code < listed else listed
        if code >= 0:
            x[row, code] = 1.0
    return x


def date(column, cells):
    missing = np.array([is_missing(cell) for cell in cells])
    moments = np.array(["1970-01-01" if skip else cell for skip, cell in zip(missing, cells)], "M8[us]")
    days, months, years = moments.astype("M8[D]"), moments.astype("M8[M]"), moments.astype("M8[Y]")
    number = days.astype("i8")
    since = moments.astype("i8") / 86_400_000_000 - column["first"]
    start = months.astype("M8[D]")
    weekday = (number + 3) % 7
    places = {{
        "month": (months - years.astype("M8[M]")).astype("i8") / 12,
        "weekday": weekday / 7,
        "day": (days - start).astype("i8") / ((months + 1).astype("M8[D]") - start).astype("i8"),
        "hour": (moments - days.astype("M8[us]")).astype("i8") / 86_400_000_000,
    }}
    values = [scaled(since, column["mean"], column["std"])]
    if "year" in column["parts"]:
        values.append(scaled(years.astype("i8") + 1970, column["year_mean"], column["year_std"]))
    for part in places:
        if part in column["parts"]:
            values += [np.sin(2 * np.pi * places[part]), np.cos(2 * np.pi * places[part])]
    if "weekday" in column["parts"]:
        values.append((weekday >= 5).astype(float))
    return with_indicator(column, values, missing)


def seconds(cell):
    """Seconds of a text such as 7:05 or 1:02:03, of a number, or of an object with ``total_seconds``."""
    if is_missing(cell):
        return np.nan
    if hasattr(cell, "total_seconds"):
        return cell.total_seconds()
    if ":" not in str(cell):
        return float(cell)
    parts = [float(part) for part in str(cell).split(":")]
    return sum(part * factor for part, factor in zip(parts, (3600, 60, 1)))


def duration(column, cells):
    return number(column, [seconds(cell) for cell in cells])


def time(column, cells):
    hours = np.array([seconds(cell) for cell in cells]) / 3600
    angle = 2 * np.pi * hours / 24
    values = [scaled(hours, column["mean"], column["std"]), np.sin(angle), np.cos(angle)]
    return with_indicator(column, values, np.isnan(hours))


def terms_of(text, is_words):
    """The words of a text in lower case, or its sequences of 1 to 3 of the first 200 characters."""
    plain = unicodedata.normalize("NFKC", text)
    if not is_words:
        plain = plain[:{MAX_CHARACTERS}]
        return {{plain[i : i + n] for n in {SIZES} for i in range(len(plain) - n + 1)}}
    plain = plain.lower()
    kinds = "".join("'" if c in "'’" else unicodedata.category(c)[0] for c in plain)
    return {{plain[slice(*match.span())] for match in re.finditer("[LMN]+(?:'L+)*", kinds)}}


def text(column, cells):
    missing = np.array([is_missing(cell) for cell in cells])
    texts = ["" if skip else str(cell) for skip, cell in zip(missing, cells)]
    weights = np.log((1 + column["total"]) / (1 + np.array(column["counts"], float))) + 1
    lists = [terms_of(text, column["words"]) for text in texts]
    x = np.array([[term in terms for term in column["terms"]] for terms in lists]) * weights  # (B, T)
    norms = np.sqrt((x**2).sum(axis=1, keepdims=True))
    lengths = np.log1p(np.array([len(text) for text in texts], float))
    z = scaled(lengths, column["mean"], column["std"])
    return with_indicator(column, [*(x / np.where(norms, norms, 1)).T, z], missing)


def image(column, cells):
    std = np.array(column["std"])
    factor = np.where(std > 0, 1 / np.where(std > 0, std, 1.0), 0.0)
    shift = (np.array(column["mean"]) * factor).astype(np.float32)
    return np.asarray(cells) * (factor / 255).astype(np.float32) - shift


ENCODERS = {{f.__name__: f for f in (number, yes_no, category, date, duration, time, text, image)}}
'''
