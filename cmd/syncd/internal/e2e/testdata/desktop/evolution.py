"""Evolution's data server as a subscriber: finds the calendars from an address,
fetches one, goes on when told, and tries to write. Run it in a D-Bus session
of its own. Arguments: address, user, password, number of events to wait for."""
import json
import sys
import threading
import time

import gi

gi.require_version("EDataServer", "1.2")
gi.require_version("ECal", "2.0")
from gi.repository import ECal, EDataServer, GLib

url, user, password, wanted = sys.argv[1:5]
supports = EDataServer.WebDAVDiscoverSupports
registry = EDataServer.SourceRegistry.new_sync(None)
key = EDataServer.NamedParameters.new()
key.set(EDataServer.SOURCE_CREDENTIAL_USERNAME, user)
key.set(EDataServer.SOURCE_CREDENTIAL_PASSWORD, password)


def say(**what):
    print(json.dumps(what), flush=True)


def source(uri, name):
    s = EDataServer.Source.new(None, None)
    s.set_display_name(name)
    s.set_parent("caldav-stub")
    u = GLib.Uri.parse(uri, GLib.UriFlags.NONE)
    a = s.get_extension(EDataServer.SOURCE_EXTENSION_AUTHENTICATION)
    a.set_host(u.get_host())
    a.set_port(u.get_port())
    a.set_user(user)
    a.set_method("plain/password")
    s.get_extension(EDataServer.SOURCE_EXTENSION_WEBDAV_BACKEND).set_uri(u)
    s.get_extension(EDataServer.SOURCE_EXTENSION_SECURITY).set_method("none")
    return s


def connect(found):
    tasks = not found.supports & supports.EVENTS
    s = source(found.href, found.display_name)
    extension = EDataServer.SOURCE_EXTENSION_TASK_LIST if tasks else EDataServer.SOURCE_EXTENSION_CALENDAR
    s.get_extension(extension).set_backend_name("caldav")
    registry.commit_source_sync(s, None)
    s = registry.ref_source(s.get_uid())
    s.connect("credentials-required", lambda src, *rest: src.invoke_authenticate_sync(key, None))
    client = ECal.Client.connect_sync(s, ECal.ClientSourceType.TASKS if tasks else ECal.ClientSourceType.EVENTS, 30, None)
    client.wait_for_connected_sync(30, None)
    return client


def held(client, enough):
    """Refreshes until what is held is enough."""
    for _ in range(300):
        client.refresh_sync(None)
        now = {c.get_uid(): c.get_as_string() for c in client.get_object_list_as_comps_sync("#t", None)[1]}
        if enough(now):
            return now
        time.sleep(0.1)
    raise RuntimeError("Evolution holds %d objects" % len(now))


threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
found = EDataServer.webdav_discover_sources_sync(source(url, "syncd"), url, 0, key, None)[3]
clients = {f.href: connect(f) for f in found}
client = [c for href, c in clients.items() if href.endswith("/1-events/")][0]
before = held(client, lambda now: len(now) == int(wanted))
say(calendars=list(clients), writable=[href for href, c in clients.items() if not c.is_readonly()], objects=list(before))
sys.stdin.readline()
after = held(client, lambda now: len(now) != len(before))
say(changed=len([k for k in after if after[k] != before.get(k)]), gone=len(set(before) - set(after)), objects=list(after))
sys.stdin.readline()
refused = ""
try:
    mine = "BEGIN:VEVENT\r\nUID:x\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261124T100000Z\r\nDTEND:20261124T110000Z\r\nSUMMARY:x\r\nEND:VEVENT\r\n"
    client.create_object_sync(ECal.Component.new_from_string(mine).get_icalcomponent(), 0, None)
except GLib.Error as e:
    refused = "read-only" if e.domain == "e-client-error-quark" and e.code == int(EDataServer.ClientError.PERMISSION_DENIED) else e.message
say(refused=refused, objects=list(held(client, lambda now: len(now) == len(after))))
