"""Reads the feed at an address twice, as a reader does; the second time nothing is new."""
import sys

import feedparser

first = feedparser.parse(sys.argv[1])
if first.bozo or first.status != 200 or not first.entries:
    sys.exit("first: %r, %d entries, %r" % (first.status, len(first.entries), first.get("bozo_exception")))
again = feedparser.parse(sys.argv[1], etag=first.etag, modified=first.modified)
if again.status != 304 or again.entries:
    sys.exit("again: %r, %d entries" % (again.status, len(again.entries)))
