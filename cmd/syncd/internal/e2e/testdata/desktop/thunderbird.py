"""Thunderbird as a subscriber, without a window: finds the calendars from an
address, fetches one, goes on when told, and tries to write. It is driven by
Marionette, its own remote control, in a profile that is thrown away.
Arguments: address, user, password, number of events to wait for."""
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time

url, user, password, wanted = sys.argv[1:5]

HEAD = """
const { cal } = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");
const pause = ms => new Promise(done => {
  const t = globalThis.timer = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
  t.initWithCallback(done, ms, Ci.nsITimer.TYPE_ONE_SHOT);
});
const calendar = cal.manager.getCalendars().find(c => c.uri.spec.endsWith("/1-events/"));
"""

FIND = """
Services.prefs.setBoolPref("signon.rememberSignons", true);
const found = [...(await cal.provider.detection.detect(args[1], args[2], args[0], true, [() => ["ics"]], {})).values()].flat();
for (const c of found) {
  c.setProperty("cache.enabled", true);
  cal.manager.registerCalendar(c);
}
return found.map(c => ({ url: c.uri.spec, writable: !c.readOnly || cal.acl.isCalendarWritable(c) }));
"""

HELD = """
calendar.refresh();
await pause(200);
const out = {};
for (const i of await calendar.getItemsAsArray(Ci.calICalendar.ITEM_FILTER_ALL_ITEMS, 0, null, null)) {
  out[i.id] = i.icalString;
}
return out;
"""

# What no person could do: Thunderbird offers no new event in such a calendar.
WRITE = """
const { CalEvent } = ChromeUtils.importESModule("resource:///modules/CalEvent.sys.mjs");
const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:x", "DTSTAMP:20260101T000000Z",
  "DTSTART:20261124T100000Z", "DTEND:20261124T110000Z", "SUMMARY:x", "END:VEVENT", "END:VCALENDAR", ""];
const mine = new CalEvent(lines.join("\\r\\n"));
try {
  await calendar.addItem(mine);
  return "taken";
} catch (e) {
  return "refused";
}
"""


def say(**what):
    print(json.dumps(what), flush=True)


class Marionette:
    def __init__(self, port):
        self.count = 0
        for _ in range(600):
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                time.sleep(0.1)
        self.stream = self.socket.makefile("rb")
        self.read()
        self.call("WebDriver:NewSession", capabilities={})
        self.call("WebDriver:SetTimeouts", script=60_000)
        self.call("Marionette:SetContext", value="chrome")

    def read(self):
        size = b""
        while not size.endswith(b":"):
            c = self.stream.read(1)
            if not c:
                raise EOFError("Thunderbird ended")
            size += c
        return json.loads(self.stream.read(int(size[:-1])))

    def call(self, name, **params):
        self.count += 1
        message = json.dumps([0, self.count, name, params]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, got = self.read()
        if error:
            raise RuntimeError(error)
        return got

    def run(self, script, *args):
        whole = "const args = arguments, done = args[args.length - 1]; (async () => {" + HEAD + script + "})().then(v => done({ v }), e => done({ e: String(e) }));"
        got = self.call("WebDriver:ExecuteAsyncScript", script=whole, args=list(args), newSandbox=False, sandbox="system")["value"]
        if "e" in got:
            raise RuntimeError(got["e"])
        return got["v"]

    def held(self, enough):
        """Refreshes until what is held is enough."""
        for _ in range(150):
            now = self.run(HELD)
            if enough(now):
                return now
        raise RuntimeError("Thunderbird holds %d objects" % len(now))


def subscribe(tb):
    found = tb.run(FIND, url, user, password)
    before = tb.held(lambda now: len(now) == int(wanted))
    say(calendars=[c["url"] for c in found], writable=[c["url"] for c in found if c["writable"]], objects=list(before))
    sys.stdin.readline()
    after = tb.held(lambda now: len(now) != len(before))
    say(changed=len([k for k in after if after[k] != before.get(k)]), gone=len(set(before) - set(after)), objects=list(after))
    sys.stdin.readline()
    refused = tb.run(WRITE)
    say(refused=refused, objects=list(tb.held(lambda now: len(now) == len(after))))


profile = tempfile.mkdtemp()
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
with open(profile + "/user.js", "w") as f:
    for name, value in {
        "marionette.port": port,
        "network.proxy.type": 0,
        "app.update.enabled": False,
        "mail.provider.suppress_dialog_on_startup": True,
        "mailnews.start_page.enabled": False,
        "calendar.timezone.useSystemTimezone": False,
        "calendar.timezone.local": "Europe/Stockholm",
    }.items():
        f.write("user_pref(%s, %s);\n" % (json.dumps(name), json.dumps(value)))
program = subprocess.Popen(
    ["thunderbird", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", profile],
    stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr,
)
try:
    subscribe(Marionette(port))
finally:
    program.terminate()
    program.wait()
    shutil.rmtree(profile, ignore_errors=True)
