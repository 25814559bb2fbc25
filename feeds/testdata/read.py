"""Reads a feed from standard input and prints its titles and ids as JSON."""
import json
import sys

import feedparser

feed = feedparser.parse(sys.stdin.buffer.read())
if feed.bozo:
    sys.exit("not well-formed: %r" % feed.bozo_exception)
print(json.dumps({
    "titles": [e.get("title", "") for e in feed.entries],
    "ids": [e.id for e in feed.entries],
}))
