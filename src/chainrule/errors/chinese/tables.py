"""Chinese facts about the columns of tables."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    'do not set the kind "{kind}" of "{column}"': "不要把 “{column}” 列的类型指定为 “{kind}”",
}
