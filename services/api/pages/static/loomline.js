// What makes the pages pleasant. Everything works without it: links lead, forms are sent, pages come back whole.
"use strict";
(() => {
  const main = () => document.getElementById("main");
  const say = (text) => { document.getElementById("live").textContent = text; };
  const drafts = "loomline draft ";
  document.documentElement.classList.add("scripted");

  // The part of a page that changes is put in place of the old one: no flash, the scroll position stays.
  async function show(response, { push = true } = {}) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!fresh) { location.assign(response.url); return; }
    const isElsewhere = page.body.className !== document.body.className || (push && new URL(response.url).pathname !== location.pathname);
    document.title = page.title;
    document.body.className = page.body.className;
    const bar = document.querySelector("header.bar"), newBar = page.querySelector("header.bar");
    if (bar && newBar) bar.replaceWith(newBar); else if (bar) bar.remove(); else if (newBar) main().before(newBar);
    main().replaceWith(fresh);
    if (push && response.url !== location.href) history.pushState({}, "", response.url);
    if (isElsewhere) scrollTo(0, 0);
    wake(fresh);
    const trouble = fresh.querySelector("[data-focus]");
    if (trouble) { trouble.focus(); trouble.scrollIntoView({ block: "center" }); }
    else if (isElsewhere) fresh.focus({ preventScroll: true });
    const told = fresh.querySelector(".banner");
    if (told && !trouble && !isElsewhere) told.scrollIntoView({ block: "nearest" });
    say(told ? told.textContent.trim() : document.title);
  }

  async function visit(address, options) {
    main().classList.add("busy");
    try { await show(await fetch(address, { headers: { Accept: "text/html" } }), options); }
    catch { location.assign(address); }
  }

  // A form that is on its way cannot be sent again; what was typed stays when the connection drops.
  async function send(form, button) {
    if (form.classList.contains("busy")) return;
    const data = new FormData(form, button);
    const isUpload = form.enctype === "multipart/form-data";
    form.classList.add("busy");
    form.querySelectorAll("button").forEach((each) => { each.disabled = true; });
    try {
      const response = await fetch(button?.hasAttribute("formaction") ? button.formAction : form.action, { method: "POST", body: isUpload ? data : new URLSearchParams(data), headers: { Accept: "text/html" } });
      if (response.ok && form.dataset.draft && !("draftStays" in form.dataset)) forget(form.dataset.draft);
      // A form that comes back leaves the address alone: loading it again shows the page, not the sending.
      await show(response, { push: response.redirected });
    } catch {
      form.classList.remove("busy");
      form.querySelectorAll("button").forEach((each) => { each.disabled = false; });
      lost(form);
    }
  }

  function lost(form) {
    form.querySelector(".lost")?.remove();
    const note = document.createElement("p");
    note.className = "banner bad lost";
    note.setAttribute("role", "alert");
    note.textContent = document.documentElement.lang === "hi"
      ? "कनेक्शन नहीं है। आपने जो लिखा वह यहीं है; थोड़ी देर में फिर भेजें।"
      : "There is no connection. What you typed is still here; send it again in a moment.";
    form.prepend(note);
    note.scrollIntoView({ block: "center" });
  }

  // Drafts: what was typed into a long form survives a closed browser.
  const kept = (name) => { try { return JSON.parse(localStorage.getItem(drafts + name) || "null"); } catch { return null; } };
  const forget = (name) => { try { localStorage.removeItem(drafts + name); } catch { /* private mode */ } };
  function keep(form) {
    const told = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !["csrf", "once", "etag", "step", "go"].includes(name));
    // A form in steps keeps what other steps were told.
    const own = new Set([...form.elements].map((field) => field.name));
    const others = (kept(form.dataset.draft) || []).filter(([name]) => !own.has(name));
    try { localStorage.setItem(drafts + form.dataset.draft, JSON.stringify([...others, ...told])); } catch { /* private mode */ }
  }
  function restore(form) {
    for (const [name, value] of kept(form.dataset.draft) || []) {
      for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
        if (field.type === "hidden") continue;
        if (field.type === "checkbox" || field.type === "radio") { if (field.value === value) field.checked = true; }
        else if (!field.value) field.value = value;
      }
    }
  }

  // A command on its way: look again until it is answered, then show the page as it is now.
  async function poll(element) {
    const answer = await fetch(element.dataset.poll, { headers: { Accept: "application/json" } }).then((r) => (r.ok ? r.json() : null)).catch(() => null);
    if (!element.isConnected) return;
    if (answer && answer.state !== "pending") { visit(location.href, { push: false }); return; }
    setTimeout(() => poll(element), 1500);
  }

  // A part that keeps itself fresh, unless somebody is typing in it.
  function refresh(element) {
    setTimeout(async () => {
      if (!element.isConnected) return;
      try {
        if (!document.hidden && !element.contains(document.activeElement)) {
          const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
          const fresh = page.getElementById(element.id);
          if (fresh && element.isConnected) { element.replaceWith(fresh); wake(fresh, true); return; }
        }
      } catch { /* no connection: later */ }
      refresh(element);
    }, Number(element.dataset.refresh) * 1000);
  }

  // Pieces are added up while they are typed; fields that belong to an amount show with it.
  function addUp(root) {
    root.querySelectorAll(".balance[data-ordered]").forEach((line) => {
      const form = line.closest("form");
      const amount = (name) => Number(form.elements[name].value.replace(",", ".")) || 0;
      const tell = () => {
        form.querySelectorAll("[data-when]").forEach((each) => { each.hidden = !(amount(each.dataset.when) > 0); });
        const ordered = Number(line.dataset.ordered), rejected = amount("rejected_quantity"), short = amount("short_quantity");
        const isSaid = form.elements.produced_quantity.value.trim() !== "";
        const produced = isSaid ? amount("produced_quantity") : Math.max(0, ordered - rejected - short);
        const total = produced + rejected + short, left = ordered - total;
        const plain = (number) => String(Math.round(number * 1e6) / 1e6);
        const sentence = Math.abs(left) < 1e-9 ? line.dataset.even : left > 0 ? line.dataset.under : line.dataset.over;
        const values = { produced, rejected, short, total, ordered, left: Math.abs(left) };
        line.textContent = sentence.replace(/\{(\w+)\}/g, (_, name) => plain(values[name]));
        line.className = `balance ${Math.abs(left) < 1e-9 ? "good" : "bad"}`;
      };
      form.addEventListener("input", tell);
      tell();
    });
  }

  const extras = [addUp];
  window.loomline = { extra: (wakeUp) => { extras.push(wakeUp); wakeUp(document); } };
  function wake(root, withSelf = false) {
    root.querySelectorAll("form[data-draft]").forEach(restore);
    root.querySelectorAll("[data-poll]").forEach((each) => setTimeout(() => poll(each), 700));
    [...root.querySelectorAll("[data-refresh]"), ...(withSelf && root.dataset?.refresh ? [root] : [])].forEach(refresh);
    root.querySelectorAll("form[data-resends]").forEach((each) => setTimeout(() => { if (each.isConnected) each.requestSubmit(); }, Number(each.dataset.resends) * 1000));
    extras.forEach((each) => each(root));
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.origin !== location.origin || link.pathname.startsWith("/pictures/")) return;
    if (link.pathname === location.pathname && link.search === location.search && link.hash) return;
    event.preventDefault();
    visit(link.href);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented) return;
    const question = event.submitter?.dataset.ask || form.dataset.ask;
    if (question && !confirm(question)) { event.preventDefault(); return; }
    event.preventDefault();
    if (form.method === "get") {
      const query = new URLSearchParams([...new FormData(form, event.submitter)].filter(([, value]) => value !== ""));
      visit(`${form.action.split("?")[0]}?${query}`);
    } else send(form, event.submitter);
  });
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.dataset.draft) keep(form);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-submits]")) event.target.form.requestSubmit();
    const boxes = event.target.dataset?.checks;
    if (boxes) event.target.form.querySelectorAll(`[name="${CSS.escape(boxes)}"]`).forEach((each) => { each.checked = event.target.checked; });
  });
  addEventListener("popstate", () => visit(location.href, { push: false }));
  wake(document);
})();
