"""E1xx: a name, an option or an argument that cannot be used."""

from chainrule.errors.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E101": Entry('"{name}" is not known', "未知的名称“{name}”"),
    "E102": Entry("{name} is out of its range", "{name} 超出了允许范围"),
}
