// The pages work without this file. It keeps a QR code fresh while somebody
// signs in, and puts a copy button beside each address.
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
