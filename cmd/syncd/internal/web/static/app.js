// The pages work without this file. It keeps a QR code fresh while somebody
// signs in, puts a copy button beside each address, and fills in the addresses
// of a subscriber's page, whose secrets stand behind "#" in its own address:
// browsers send that part to nobody, so only a script can know it.
"use strict";

(() => {
  const box = document.querySelector("[data-login]");
  if (!box) return;
  const status = document.getElementById("login-status");
  const qr = document.getElementById("login-qr");
  const actions = document.getElementById("login-actions");
  let timer = 0;
  let asking = false;

  // Only what changed is replaced: a screen reader repeats a live region that
  // is written anew, and a focused link must stay where it is.
  const shown = { status: status.textContent, qr: null, panel: null };
  const put = (key, value, write) => {
    if (shown[key] !== value) {
      shown[key] = value;
      write(value);
    }
  };

  const ask = async () => {
    clearTimeout(timer);
    if (asking) return;
    asking = true;
    let pause = 1000;
    try {
      const answer = await fetch(box.dataset.login, { cache: "no-store", headers: { Accept: "application/json" } });
      const type = answer.headers.get("Content-Type") || "";
      if (answer.redirected || !type.startsWith("application/json")) {
        location.reload();
        return;
      }
      const login = await answer.json();
      if (login.state === "done") {
        put("status", login.status, (s) => { status.textContent = s; status.className = "status done"; });
        put("qr", "", () => qr.replaceChildren());
        put("panel", login.panel, (s) => { actions.innerHTML = s; });
        setTimeout(() => location.replace("/"), 1500);
        return;
      }
      if (login.final || login.state === "question") {
        location.reload();
        return;
      }
      put("status", login.status, (s) => { status.textContent = s; status.className = "status " + login.state; });
      put("qr", login.qr, (s) => { qr.innerHTML = s; });
      put("panel", login.panel, (s) => { actions.innerHTML = s; });
    } catch {
      pause = 2000; // the network is away; the page stays as it is
    } finally {
      asking = false;
    }
    timer = setTimeout(ask, pause);
  };

  // Coming back from the app: browsers slow timers down in the background.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  addEventListener("pageshow", ask);
})();

(() => {
  for (const field of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small second";
    button.textContent = field.dataset.copy;
    button.setAttribute("aria-describedby", field.id);
    button.addEventListener("click", async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy"); // plain http has no clipboard of its own
      }
      button.textContent = field.dataset.copied;
      setTimeout(() => { button.textContent = field.dataset.copy; }, 2000);
    });
    field.addEventListener("focus", () => field.select());
    field.after(button);
  }
})();

(() => {
  const page = document.querySelector("[data-subscribe]");
  if (!page) return;
  const base = page.dataset.subscribe;
  const given = new URLSearchParams(location.hash.slice(1));
  const keys = {};
  for (const [name, form] of [["c", /^[a-z2-7]{26}$/], ["f", /^[a-z2-7]{26}$/], ["p", /^[a-z2-7]{4}(-[a-z2-7]{4}){5}$/]]) {
    const key = (given.get(name) || "").toLowerCase();
    if (form.test(key)) keys[name] = key;
  }
  const has = (name) => (name === "any" ? Object.keys(keys).length > 0 : name in keys);

  for (const row of page.querySelectorAll("[data-slug]")) {
    const [area, slug] = row.dataset.slug.split("/");
    if (!(area in keys)) continue;
    const address = `${base}/${area}/${keys[area]}/${slug}`;
    row.querySelector("input").value = address;
    const webcal = address.replace(/^https?:/, "webcal:");
    const adds = {
      apple: webcal,
      google: "https://calendar.google.com/calendar/r?cid=" + encodeURIComponent(webcal),
    };
    for (const [account, host] of [["outlook", "outlook.live.com"], ["office", "outlook.office.com"]]) {
      adds[account] = `https://${host}/calendar/0/addfromweb?url=` + encodeURIComponent(address) +
        "&name=" + encodeURIComponent(row.dataset.title || "");
    }
    for (const link of row.querySelectorAll("[data-add]")) link.href = adds[link.dataset.add];
  }
  const password = document.getElementById("dav-password");
  if (password && has("p")) password.value = keys.p;
  for (const field of page.querySelectorAll("[data-key]")) field.value = keys[field.dataset.key] || "";
  for (const part of page.querySelectorAll("[data-has]")) part.hidden = !has(part.dataset.has);
  for (const part of page.querySelectorAll("[data-lacks]")) part.hidden = has(part.dataset.lacks);
  for (const link of document.querySelectorAll("a[data-keep]")) link.href += location.hash;
  addEventListener("hashchange", () => location.reload());

  const phone = page.querySelector("[data-qr]");
  if (!phone) return;
  phone.addEventListener("toggle", async () => {
    const picture = phone.querySelector("img");
    if (!phone.open || picture.src) return;
    const form = new URLSearchParams(keys);
    if (!("safe" in page.dataset)) form.delete("p"); // the way there can be read
    const answer = await fetch(phone.dataset.qr, { method: "POST", body: form, cache: "no-store" });
    if (!answer.ok) return;
    picture.src = "data:image/svg+xml," + encodeURIComponent(await answer.text());
    picture.hidden = false;
  });
})();
