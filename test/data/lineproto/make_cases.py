#!/usr/bin/env python3
"""Make cases.txt from a file of line protocol cases in JSON lines.

usage: make_cases.py cases.jsonl > cases.txt

Each case has an input and what InfluxDB 2.x makes of it ("expect"), how far
other implementations agree ("tier"), and sometimes what a database that holds
text should do instead ("recommend").  Kept are the cases on which at least
InfluxDB 1.x and 2.x agree, and those that differ only because 1.x is built
without unsigned integers.

Of the recommendations we take two: CRLF ends a line, and a line with a NUL
byte or invalid UTF-8 in a name or string is refused.  The latter ones hold the
answer of another parser for the whole batch, which now and then refuses other
lines of it, too, for control characters; so only the lines with such text
become errors, and 2.x has the word on the others.  A field without a name is
refused as well.

Left out are cases whose answer rests on 2.x taking the CR of a CRLF for text
(there is no recommendation for them), and two that recommend to refuse control
characters against what 2.x does everywhere else.

cases.txt has one item per line, each a letter and words:

    c ID PRECISION          a case
    i TEXT                  its input
    p TIME                  a point expected from it; TIME "-" is none
    m TEXT                  the point's measurement
    t TEXT TEXT             a tag, sorted by key
    f TEXT TYPE VALUE       a field, in the order of the line; TYPE is one of
                            f (VALUE: the double's bits in hex) i u b s
    e                       at least one line is bad

In TEXT a byte that is not printable, a space or a backslash is "\\xx" in hex,
"\\*N:" repeats the byte behind it N times, and "\\-" is the empty string.
"""

import base64
import json
import re
import struct
import sys


def quote(data):
    if not data:
        return "\\-"
    out = []
    for run in re.finditer(rb"(.)\1*", data, re.S):
        byte, count = run.group(1)[0], len(run.group(0))
        char = chr(byte)
        if byte <= 0x20 or byte >= 0x7F or char == "\\":
            char = "\\%02x" % byte
        out.append("\\*%d:%s" % (count, char) if count > 8 else char * count)
    return "".join(out)


def as_bytes(value):
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value.encode("utf-8")


def input_of(case):
    if case.get("input_encoding") == "base64":
        return base64.b64decode(case["input"])
    return case["input"].encode("utf-8")


def texts_of(point):
    yield as_bytes(point["m"])
    for tag in point["tags"]:
        yield from map(as_bytes, tag)
    for field in point["fields"]:
        yield as_bytes(field["k"])
        if field["type"] == "string":
            yield as_bytes(field["v"])


# Answers that differ only because of a CR, or because of control characters.
CR_ANSWER = re.compile(r"\r': (invalid number|bad timestamp)")
CONTROL_ADVICE = re.compile("invalid character '.x[01].' found at start")


def is_sound(text):
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in text


def answer_of(case):
    """The points expected, and whether a line is bad."""
    advice = case.get("recommend")
    answer = advice if advice and "CRLF" in advice["why"] else case["expect"]
    points = answer.get("points", [])
    sound = [point for point in points
             if all(map(is_sound, texts_of(point)))
             and all(field["k"] != "" for field in point["fields"])]
    return sound, answer.get("error", False) or len(sound) < len(points)


def wanted(case):
    advice = case.get("recommend")
    reason = (advice or case["expect"]).get("reason", "")
    if advice is None and CR_ANSWER.search(reason) and b"\r\n" in input_of(case):
        return False
    if advice and "CRLF" in advice["why"] and CONTROL_ADVICE.search(reason):
        return False
    if case["tier"] in ("unanimous", "v1-v2-agree"):
        return True
    return any(field["type"] == "unsigned"
               for point in case["expect"].get("points", [])
               for field in point["fields"])


def field_words(field):
    key, value = quote(as_bytes(field["k"])), field["v"]
    if field["type"] == "float":
        return "%s f %016x" % (key, struct.unpack("<Q", struct.pack("<d", value))[0])
    if field["type"] == "string":
        return "%s s %s" % (key, quote(as_bytes(value)))
    if field["type"] == "boolean":
        return "%s b %d" % (key, value)
    return "%s %s %d" % (key, field["type"][0], value)


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        cases = [json.loads(line) for line in source]
    for case in sorted(filter(wanted, cases), key=lambda case: case["id"]):
        points, error = answer_of(case)
        print("c", case["id"], case["precision"])
        print("i", quote(input_of(case)))
        for point in points:
            print("p", "-" if point.get("ts_default") else point["ts"])
            print("m", quote(as_bytes(point["m"])))
            for key, value in sorted(tuple(map(as_bytes, tag)) for tag in point["tags"]):
                print("t", quote(key), quote(value))
            for field in point["fields"]:
                print("f", field_words(field))
        if error:
            print("e")


main()
