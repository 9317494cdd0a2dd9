// The Live page: one stream of events, a table whose rows keep their places, and filters that stay.
"use strict";
(() => {
  const root = document.getElementById("live");
  if (!root) return;
  const LINGER_MS = 4000; // a call that is over stays to be seen, greyed, and goes when the pointer is elsewhere
  const BEAT_MS = 40000; // without a word for so long the stream counts as lost
  const body = document.querySelector("#calls tbody");
  const columns = [...document.querySelectorAll("#calls th")].map((th) => th.dataset.col);
  const filters = document.getElementById("filters");
  const stored = `live-filters-${root.dataset.role}`;
  const calls = new Map(); // id -> {view, row, endedMs}
  let heardMs = Date.now();
  let skewMs = 0;
  let isHovered = false;

  // what is drawn

  const span = (ms) => {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    return h ? `${h}:${String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}` : `${m}:${String(s).padStart(2, "0")}`;
  };
  const money = (micros) => (micros / 1e6).toFixed(2);
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "class") made.className = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };
  const text = (view, column) => {
    const value = view[column];
    switch (column) {
      case "ani": return value || "withheld";
      case "lines": return value.join(", ");
      case "revenue_micros":
      case "payout_micros": return value ? money(value) : "-";
      default: return value || "-";
    }
  };
  const put = (cell, wanted) => {
    if (cell.textContent !== wanted) cell.textContent = wanted;
  };

  const makeRow = (id) => {
    const row = element("tr", { "data-id": id });
    for (const column of columns) {
      const isNumber = ["time", "revenue_micros", "payout_micros"].includes(column);
      const cell = element("td", { class: isNumber ? "n" : ["ani", "did"].includes(column) ? "num" : "" });
      if (column === "state") {
        const link = element("a", { href: `/calls/${encodeURIComponent(id)}` });
        link.append(element("span", { class: "badge live" }));
        cell.append(link);
      }
      row.append(cell);
    }
    return row;
  };
  const drawRow = (call) => {
    columns.forEach((column, index) => {
      const cell = call.row.children[index];
      if (column === "state") {
        const badge = cell.querySelector(".badge");
        const state = call.endedMs ? "ended" : call.view.state;
        put(badge, state);
        badge.className = `badge live ${state}`;
        badge.classList.toggle("rec", call.view.recording === "on");
        badge.title = call.view.recording ? `recording ${call.view.recording}` : "";
      } else if (column !== "time") {
        put(cell, text(call.view, column));
      }
    });
    call.row.classList.toggle("over", Boolean(call.endedMs));
    call.row.hidden = !matches(call.view);
    drawTime(call);
  };
  const drawTime = (call) => {
    const until = call.endedMs || Date.now() + skewMs;
    put(call.row.children[columns.indexOf("time")], span(until - call.view.began_us / 1000));
  };

  // filters

  const wanted = () => Object.fromEntries(new FormData(filters));
  const matches = (view) => {
    const said = wanted();
    if (said.state && view.state !== said.state) return false;
    if (said.publisher && view.publisher !== said.publisher) return false;
    if (said.campaign && view.campaign !== said.campaign) return false;
    if (said.line && !view.lines.includes(said.line)) return false;
    if (!said.text) return true;
    const all = [view.call_id, view.ani, view.did, view.publisher, view.campaign, ...view.lines, ...Object.values(view.tags || {})];
    return all.join(" ").toLowerCase().includes(said.text.toLowerCase().trim());
  };
  const offer = (name, value) => {
    const select = filters.elements[name];
    if (!select || !select.options || !value || [...select.options].some((each) => each.value === value)) return;
    const option = element("option", { value }, value);
    const after = [...select.options].slice(1).find((each) => each.value > value);
    select.insertBefore(option, after || null);
  };
  const offerAll = (view) => {
    offer("state", view.state);
    offer("publisher", view.publisher);
    offer("campaign", view.campaign);
    view.lines.forEach((line) => offer("line", line));
  };
  const restore = () => {
    try {
      const said = JSON.parse(localStorage.getItem(stored) || "{}");
      for (const [name, value] of Object.entries(said)) {
        if (!filters.elements[name] || !value) continue;
        offer(name, value);
        filters.elements[name].value = value;
      }
    } catch { /* nothing is stored */ }
  };
  const filtered = () => {
    localStorage.setItem(stored, JSON.stringify(wanted()));
    calls.forEach(drawRow);
    count();
  };
  filters.addEventListener("input", filtered);
  filters.addEventListener("reset", () => setTimeout(filtered, 0));
  filters.addEventListener("submit", (event) => event.preventDefault());

  // calls

  const take = (view) => {
    view.lines = view.lines || [];
    let call = calls.get(view.call_id);
    if (!call) {
      call = { view, row: makeRow(view.call_id), endedMs: 0 };
      calls.set(view.call_id, call);
      body.append(call.row); // at the end: no other row moves
    }
    call.view = view;
    call.endedMs = 0;
    offerAll(view);
    drawRow(call);
  };
  const end = (id) => {
    const call = calls.get(id);
    if (!call || call.endedMs) return;
    call.endedMs = Date.now() + skewMs;
    drawRow(call);
  };
  const sweep = () => {
    for (const [id, call] of calls) {
      if (!call.endedMs) drawTime(call);
      else if (!isHovered && Date.now() + skewMs - call.endedMs > LINGER_MS && !call.row.contains(document.activeElement)) {
        call.row.remove();
        calls.delete(id);
      }
    }
    if (Date.now() - heardMs > BEAT_MS) lost("The console does not answer. Trying again…");
  };
  const count = () => {
    const live = [...calls.values()].filter((call) => !call.endedMs);
    const shown = live.filter((call) => !call.row.hidden).length;
    put(document.getElementById("count"), shown === live.length ? String(live.length) : `${shown} of ${live.length}`);
    const none = document.getElementById("none");
    none.hidden = [...calls.values()].some((call) => !call.row.hidden);
    none.textContent = live.length ? "No call matches the filters." : "No calls in progress.";
  };
  const table = document.querySelector(".calls-live");
  table.addEventListener("pointerenter", () => { isHovered = true; });
  table.addEventListener("pointerleave", () => { isHovered = false; });

  // lines, caps, trunks

  const NS = "http://www.w3.org/2000/svg";
  const bar = (used, limit) => {
    const share = limit > 0 ? Math.min(1, Math.max(0, used / limit)) : used > 0 ? 1 : 0;
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("class", `meter ${share >= 1 ? "full" : share >= 0.9 ? "high" : share >= 0.75 ? "some" : ""}`);
    svg.setAttribute("aria-hidden", "true");
    const part = (name, width) => {
      const rect = document.createElementNS(NS, "rect");
      rect.setAttribute("class", name);
      rect.setAttribute("width", `${width}%`);
      rect.setAttribute("height", "6");
      rect.setAttribute("rx", "3");
      svg.append(rect);
    };
    part("back", 100);
    part("fill", Math.round(share * 1000) / 10);
    return svg;
  };
  const tile = (name, right, note, extra, mood = "") => {
    const made = element("li", { class: `tile ${mood}` });
    made.append(element("span", { class: "name" }, name), element("span", { class: "right" }, right));
    if (extra) made.append(extra);
    if (note) made.append(element("span", { class: "note" }, note));
    return made;
  };
  const fill = (id, tiles, nothing) => {
    const list = document.getElementById(id);
    if (!list) return;
    list.replaceChildren(...(tiles.length ? tiles : [element("li", { class: "fine" }, nothing)]));
  };
  const local = (us) => new Date(us / 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const health = (peer) => (peer.health && peer.health.state && peer.health.state !== "up" ? peer.health.state : "");
  const drawLines = (lines) => fill("lines", lines.map((line) => {
    offer("line", line.name);
    const rests = line.resting_until_us && line.resting_until_us / 1000 > Date.now() + skewMs;
    const down = health(line);
    const said = [down, rests ? `rests until ${local(line.resting_until_us)}` : "",
      line.last_result ? `last: ${line.last_result.replaceAll("_", " ")}${line.last_why ? `, ${line.last_why}` : ""}` : ""];
    const right = line.limit ? `${line.calls} of ${line.limit}` : String(line.calls);
    return tile(line.name, right, said.filter(Boolean).join("; "), line.limit ? bar(line.calls, line.limit) : null, down ? "bad" : rests ? "warn" : "");
  }), "No lines.");
  const drawTrunks = (trunks) => fill("trunks", trunks.map((trunk) => {
    const down = health(trunk);
    const seen = trunk.last_seen_us ? `last heard ${local(trunk.last_seen_us)}` : "not heard yet";
    const right = trunk.limit ? `${trunk.calls} of ${trunk.limit}` : String(trunk.calls);
    const refused = trunk.refused ? `${trunk.refused} refused` : "";
    return tile(trunk.name, right, [down, seen, refused].filter(Boolean).join("; "), trunk.limit ? bar(trunk.calls, trunk.limit) : null, down ? "bad" : "");
  }), "No trunks.");
  const capName = (cap) => {
    const what = cap.per === "concurrency" ? (cap.counts === "attempt" ? "calls at once" : `${cap.counts}s at once`)
      : cap.per === "balance" ? "balance" : `${cap.counts} per ${cap.per}`;
    return `${cap.owner.replace(":", " ")}, ${what}`;
  };
  const drawCaps = (caps) => {
    const share = (cap) => (cap.limit > 0 ? cap.used / cap.limit : 0);
    const isLineAtOnce = (cap) => cap.per === "concurrency" && cap.counts === "attempt" && cap.owner.startsWith("line:"); // its line shows it
    const ordered = caps.filter((cap) => !isLineAtOnce(cap) && cap.per !== "spacing").sort((one, other) => capName(one).localeCompare(capName(other)));
    fill("caps", ordered.map((cap) => {
      const isMoney = cap.counts === "revenue" || cap.per === "balance";
      const figure = (value) => (isMoney ? money(value) : String(value));
      const mood = share(cap) >= 1 ? "bad" : share(cap) >= 0.9 ? "warn" : "";
      const resets = cap.resets_us ? `resets ${new Date(cap.resets_us / 1000).toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" })}` : "";
      return tile(capName(cap), `${figure(cap.used)} of ${figure(cap.limit)}`, [share(cap) >= 1 ? "full" : "", resets].filter(Boolean).join("; "), bar(cap.used, cap.limit), mood);
    }), "No caps.");
  };

  const drawOverrides = (overrides) => {
    const section = document.getElementById("overridden");
    if (!section) return;
    section.hidden = !overrides.length;
    fill("overrides", overrides.map((each) => {
      const isPause = each.limit === null || each.limit === undefined;
      const what = isPause ? `${each.target_kind} ${each.target}` : each.target;
      const until = each.until_us ? `until ${local(each.until_us)}` : "until it is lifted";
      return tile(what, isPause ? "paused" : "other limit", [until, each.actor, each.reason].filter(Boolean).join("; "), null, "warn");
    }), "");
  };

  // hanging up what is shown

  const hangUp = document.getElementById("hang-up");
  if (hangUp) {
    const dialog = document.getElementById("hang-up-dialog");
    const done = document.getElementById("hang-up-done");
    let ids = [];
    hangUp.addEventListener("click", () => {
      ids = [...calls.entries()].filter(([, call]) => !call.endedMs && !call.row.hidden).map(([id]) => id);
      put(document.getElementById("hang-up-count"), ids.length === 1 ? "1 call is shown. It ends at once."
        : ids.length ? `${ids.length} calls are shown. They end at once; calls that come from now on do not.` : "No call is shown.");
      dialog.querySelector("[value=yes]").disabled = !ids.length;
      dialog.returnValue = "no";
      dialog.showModal();
    });
    dialog.addEventListener("close", async () => {
      if (dialog.returnValue !== "yes" || !ids.length) return;
      const { "X-CSRF-Token": token } = JSON.parse(document.body.getAttribute("hx-headers"));
      const body = new URLSearchParams({ calls: ids.join(","), reason: dialog.querySelector("[name=reason]").value });
      done.hidden = false;
      put(done, "Hanging up…");
      try {
        const answer = await fetch("/hangup", { method: "POST", body, headers: { "X-CSRF-Token": token } });
        const said = await answer.json();
        const over = said.unknown ? `, ${said.unknown} had ended before` : "";
        put(done, answer.ok ? `${said.ended} ended${over}.` : `Not hung up: ${said.why}`);
      } catch {
        put(done, "Not hung up: the console does not answer.");
      }
    });
  }

  // the stream

  const status = (mood, words) => {
    document.getElementById("status").className = `status ${mood}`;
    put(document.getElementById("status-text"), words);
  };
  const lost = (why) => {
    status("bad", why);
    root.classList.add("lost");
  };
  const drawStatus = (said) => {
    root.classList.remove("lost");
    if (said.state === "draining") status("warn", "The switch drains: no new calls are taken");
    else if (said.overloaded) status("bad", "Overloaded: new calls are refused");
    else status("good", `Running, config ${said.config}`);
  };
  const part = (news) => {
    if (news.status) drawStatus(news.status);
    if (news.lines) drawLines(news.lines);
    if (news.trunks) drawTrunks(news.trunks);
    if (news.caps) drawCaps(news.caps);
    if (news.overrides) drawOverrides(news.overrides);
    count();
  };
  const on = (source, name, act) => source.addEventListener(name, (event) => {
    heardMs = Date.now();
    act(JSON.parse(event.data));
  });
  const source = new EventSource("/live/events");
  on(source, "snapshot", (news) => {
    const there = new Set(news.calls.map((view) => view.call_id));
    [...calls.keys()].filter((id) => !there.has(id)).forEach(end);
    news.calls.sort((one, other) => one.began_us - other.began_us).forEach(take);
    part(news);
  });
  on(source, "changes", (news) => {
    (news.calls || []).forEach(take);
    (news.ended || []).forEach(end);
    part(news);
  });
  on(source, "lost", (news) => {
    [...calls.keys()].forEach(end);
    count();
    lost(`The switch is away: ${news.why}`);
  });
  on(source, "beat", (news) => { skewMs = news.now_ms - Date.now(); });
  on(source, "out", () => window.location.reload());
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => window.location.reload(), 3000);
    lost("The console is away. Trying again…");
  });
  restore();
  setInterval(sweep, 500);
  addEventListener("pagehide", () => source.close());
})();
