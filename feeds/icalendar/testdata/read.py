"""Reads a calendar from standard input and prints each entry as JSON."""
import datetime
import json
import sys

import icalendar


def utc(value):
    if value is None:
        return ""
    if not isinstance(value.dt, datetime.datetime):
        return value.dt.isoformat()
    return value.dt.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


for part in icalendar.Calendar.from_ical(sys.stdin.buffer.read()).walk():
    if part.name not in ("VEVENT", "VTODO"):
        continue
    if part.errors:
        sys.exit("errors in %s: %r" % (part["UID"], part.errors))
    print(json.dumps({
        "uid": part["UID"],
        "start": utc(part.get("DTSTART")),
        "end": utc(part.get("DTEND") or part.get("DUE")),
        "summary": part.get("SUMMARY", ""),
        "place": part.get("LOCATION", ""),
        "body": part.get("DESCRIPTION", ""),
        "categories": [str(c) for l in (lambda v: v if isinstance(v, list) else [v] if v else [])(part.get("CATEGORIES")) for c in l.cats],
    }))
