"""Holds C-DNS files against RFC 8618 (its section 7 and CDDL): keys that must be there, types, arrays that must not be empty,
numbers of entries that are there, hints, and counts. Reads CBOR with cbor2, and knows nothing of how the files were written."""

import sys

import cbor2


def each(condition, what):
    assert condition, what


def keys(value, what, required, optional):
    each(isinstance(value, dict), what)
    each(required <= value.keys() <= required | optional, (what, sorted(value)))


def array(value, what):
    each(isinstance(value, list) and value, (what, "is empty"))
    return value


def index(value, key, table, what):
    if key in value:
        each(isinstance(value[key], int) and 0 <= value[key] < len(table), (what, key, value[key], len(table)))


def name(octets, what):
    at = 0
    while octets[at] != 0:
        each(octets[at] < 64, (what, octets))
        at += 1 + octets[at]
    each(at + 1 == len(octets) <= 255, (what, octets))


def preamble(value):
    keys(value, "preamble", {0, 1, 3}, {2})
    each((value[0], value[1]) == (1, 0), "version")
    (parameters,) = array(value[3], "parameters")
    keys(parameters, "parameters", {0}, {1})
    storage = parameters[0]
    keys(storage, "storage", {0, 1, 2, 3, 4}, set(range(5, 12)))
    keys(storage[2], "hints", {0, 1, 2, 3}, set())
    each(all(0 <= code < 16 for code in array(storage[3], "opcodes")), "opcodes")
    each(all(0 <= code < 65536 for code in array(storage[4], "types")), "types")
    keys(parameters[1], "collection", set(), set(range(10)) | {-1})
    return storage


def only_hinted(value, hints, what):
    each(all(hints >> key & 1 for key in value), (what, sorted(value), bin(hints)))


def block(value, storage):
    hints = storage[2]
    keys(value, "block", {0}, {1, 2, 3, 5})
    head, statistics, tables = value[0], value[1], value.get(2, {})
    items, malformed = value.get(3, []), value.get(5, [])
    keys(head, "block preamble", set(), {0, 1})
    if any(0 in item for item in items + malformed):
        seconds, ticks = head[0]
        each(seconds >= 0 and 0 <= ticks < storage[0], head)
    keys(statistics, "statistics", {0, 1, 2, 3}, {4, 5})
    keys(tables, "tables", set(), set(range(9)))
    for key, table in tables.items():
        array(table, ("table", key))
        each(len({cbor2.dumps(entry) for entry in table}) == len(table), ("an entry twice in table", key))
    addresses, types, names, signatures, lists, questions, record_lists, records, data = (
        tables.get(key, []) for key in range(9)
    )
    for entry in types:
        keys(entry, "class and type", {0, 1}, set())
    for entry in signatures:
        keys(entry, "signature", set(), set(range(17)))
        only_hinted(entry, hints[1], "signature")
        index(entry, 0, addresses, "server")
        index(entry, 8, types, "type")
        index(entry, 15, names, "options")
    for entry in questions:
        keys(entry, "question", {0, 1}, set())
    for entry in records:
        keys(entry, "record", {0, 1}, {2, 3})
        each(2 not in entry or hints[2] & 1 and entry[2] < 2**32, entry)
        each(3 not in entry or hints[2] & 2, entry)
        index(entry, 3, names, "data")
    for entry in questions + records:
        index(entry, 0, names, "name")
        index(entry, 1, types, "type")
        name(names[entry[0]], "name")
    for what, entries, of in (("questions", lists, questions), ("records", record_lists, records)):
        for entry in entries:
            each(all(0 <= number < len(of) for number in array(entry, what)), (what, entry))
    for entry in data:
        keys(entry, "malformed data", set(), {0, 1, 2, 3})
        index(entry, 0, addresses, "server")
    most = storage[1]
    each(len(items) <= most and len(malformed) <= most, "too many items")
    for item in items:
        check_item(item, hints[0], (addresses, names, signatures, lists, record_lists))
    for message in malformed:
        keys(message, "malformed", set(), {0, 1, 2, 3})
        index(message, 1, addresses, "client")
        index(message, 3, data, "data")
    used = {item[1] for item in items + malformed if 1 in item} | {e[0] for e in signatures + data if 0 in e}
    each(used == set(range(len(addresses))), "an address of nobody")
    flags = [signatures[item[4]].get(4, 0) & 3 for item in items if 4 in item]
    each(statistics[1] == len(items), "count of items")
    if hints[1] >> 4 & 1:
        each((statistics[2], statistics[3]) == (flags.count(1), flags.count(2)), "counts of what is alone")
        each(statistics[0] >= sum(flag.bit_count() for flag in flags), "count of messages")
    each(5 not in statistics or not hints[3] & 1 or statistics[5] == len(malformed), "count of malformed messages")
    return len(items)


def check_item(item, hints, tables):
    addresses, names, signatures, lists, record_lists = tables
    keys(item, "item", set(), set(range(10)) | {11, 12})
    only_hinted({key: item[key] for key in item if key < 10}, hints, "item")
    index(item, 1, addresses, "client")
    index(item, 4, signatures, "signature")
    index(item, 7, names, "name")
    if 7 in item:
        name(names[item[7]], "name")
    for key, bits in ((11, (11, 12, 13, 14)), (12, (11, 15, 16, 17))):
        if key not in item:
            continue
        each(item[key], "sections without any")
        keys(item[key], "sections", set(), {0, 1, 2, 3})
        index(item[key], 0, lists, "questions")
        for section in (1, 2, 3):
            index(item[key], section, record_lists, "records")
        each(all(hints >> bits[section] & 1 for section in item[key]), "hints of sections")


for path in sys.argv[1:]:
    with open(path, "rb") as file:
        magic, head, blocks = cbor2.load(file)
        assert magic == "C-DNS" and not file.read(1), path
    storage = preamble(head)
    count = sum(block(value, storage) for value in blocks)
    print(path, len(blocks), "blocks", count, "items")
