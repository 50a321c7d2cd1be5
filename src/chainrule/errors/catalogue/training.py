"""E5xx: a training that cannot go on."""

from chainrule.errors.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {

}
