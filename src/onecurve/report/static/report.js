// Tabs, sorting, filters and tooltips. Every table and chart is complete without this file.
(() => {
  "use strict";
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  document.documentElement.classList.add("js");

  const tabs = all("[role=tab]");
  const show = (tab) => {
    const number = tab.id.replace("tab-", "");
    tabs.forEach((one) => {
      one.setAttribute("aria-selected", String(one === tab));
      one.tabIndex = one === tab ? 0 : -1;
    });
    all("[data-panel]").forEach((panel) => panel.classList.toggle("later", panel.dataset.panel !== number));
  };
  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => {
      show(tab);
      keep();
    });
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const next = tabs[(step + tabs.length) % tabs.length];
      show(next);
      keep();
      next.focus();
    });
  });

  const slices = document.querySelector("[data-slices]");
  const choose = () =>
    all("[data-slice]").forEach((slice) => slice.classList.toggle("later", slice.dataset.slice !== slices.value));

  const needs = all("[data-need]");
  const filter = () => {
    const denied = new Set(needs.filter((box) => !box.checked).map((box) => box.dataset.need));
    all("tr[data-needs]").forEach((row) => {
      row.hidden = row.dataset.needs.split(" ").some((need) => denied.has(need));
    });
  };

  const more = document.querySelector("[data-more]");
  if (more)
    more.addEventListener("click", () => {
      const on = more.getAttribute("aria-pressed") !== "true";
      more.setAttribute("aria-pressed", String(on));
      document.body.classList.toggle("show-more", on);
    });

  all("[data-sort]").forEach((button) =>
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const table = button.closest("table");
      const byName = button.dataset.sort === "name";
      const down = head.getAttribute("aria-sort") === "descending" || (byName && head.getAttribute("aria-sort") !== "ascending");
      all("th[aria-sort]", table).forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      const sign = down ? 1 : -1;
      const value = (row) => Number(row.cells[Number(button.dataset.sort)].dataset.value);
      const order = (a, b) =>
        byName ? sign * a.dataset.name.localeCompare(b.dataset.name) : sign * (value(a) - value(b)) || a.dataset.name.localeCompare(b.dataset.name);
      all("tbody", table).forEach((body) => all("tr[data-name]", body).sort(order).forEach((row) => body.append(row)));
    }),
  );

  // Search: rows of solvers and of cases that do not match are hidden; the first matches are listed as links.
  const search = document.querySelector("[name=find]");
  const found = document.querySelector(".found");
  const rowsOf = { solver: all("[data-tool]:is(tr, li)"), case: all("tr[data-case]") };
  const textOf = { solver: (row) => row.dataset.tool.toLowerCase(), case: (row) => row.dataset.case.toLowerCase() };
  const seek = () => {
    const words = search.value.trim().toLowerCase();
    const links = new Map();
    const counts = Object.entries(rowsOf).map(([kind, rows]) => {
      const hits = rows.filter((row) => words && textOf[kind](row).includes(words));
      const hit = new Set(hits);
      rows.forEach((row) => row.classList.toggle("out", hits.length > 0 && !hit.has(row)));
      const own = hits.map((row) => row.querySelector("th a")).filter(Boolean);
      const fresh = new Map(own.map((link) => [link.getAttribute("href"), kind === "solver" ? link.closest("tr").dataset.tool : link.textContent]));
      fresh.forEach((name, href) => links.set(href, name));
      return `${fresh.size} ${kind}${fresh.size === 1 ? "" : "s"}`;
    });
    found.hidden = !words || document.activeElement !== search;
    found.querySelector("p").textContent = links.size ? `${counts.join(", ")}; the tables show these only` : "Nothing matches; the tables show everything";
    found.querySelector("ul").replaceChildren(
      ...[...links].slice(0, 8).map(([href, name]) => {
        const [item, link] = [document.createElement("li"), document.createElement("a")];
        [link.href, link.textContent] = [href, name];
        item.append(link);
        return item;
      }),
    );
  };

  // What is shown stands in the address: #task=…&cases=…&without=…&cost=…&find=…&solver=…
  const axes = all("[name=axis]");
  let lit = new URLSearchParams(location.hash.slice(1)).get("solver") || document.querySelector(".chosen[data-tool]")?.dataset.tool || "";
  const light = () => {
    all("[data-tool]").forEach((one) => one.classList.toggle("chosen", one.dataset.tool === lit));
    if (!picker) return;
    picker.value = lit;
    picked.textContent = lit ? placesOf(lit) : "";
    picked.hidden = !lit;
  };

  // The tool that a reader picks is drawn out everywhere, and a sentence tells its places and whom the tests do not tell it from.
  const picker = document.querySelector("[name=tool]");
  const picked = document.querySelector(".picked");
  const placesOf = (tool) => {
    const places = all("table.ranks tr[data-tool]")
      .filter((row) => row.dataset.tool === tool)
      .map((row) => {
        const [rank, name, skill, between, , , others] = [...row.cells].map((cell) => cell.textContent.trim());
        const task = tabs[Number(row.closest("[data-panel]")?.dataset.panel) - 1]?.dataset.task ?? "all";
        const rivals = others === "—" ? "separated from all others" : `not separated from ${others}`;
        return `${task}: ${name} has rank ${rank}, skill ${skill} (${between}), ${rivals}`;
      });
    return places.length ? `${places.join("; ")}.` : `No ranking on this page has ${tool}.`;
  };
  if (picker) {
    const tools = [...new Set(all("tr[data-tool]").map((row) => row.dataset.tool))].sort();
    picker.append(...tools.map((tool) => new Option(tool, tool)));
    picker.addEventListener("change", () => {
      lit = picker.value;
      light();
      keep();
    });
  }
  const keep = () => {
    const state = new URLSearchParams();
    const tab = tabs.find((one) => one.getAttribute("aria-selected") === "true");
    if (tab) state.set("task", tab.dataset.task);
    if (slices && slices.selectedIndex > 0) state.set("cases", slices.value);
    const denied = needs.filter((box) => !box.checked).map((box) => box.dataset.need);
    if (denied.length) state.set("without", denied.join(" "));
    if (axes.length && !axes[0].checked) state.set("cost", axes.find((one) => one.checked).value);
    if (search && search.value.trim()) state.set("find", search.value.trim());
    if (lit) state.set("solver", lit);
    history.replaceState(null, "", `#${state}`);
  };
  const restore = () => {
    const hash = location.hash.slice(1);
    const state = new URLSearchParams(hash.includes("=") ? hash : "");
    const tab = tabs.find((one) => one.dataset.task === (state.get("task") ?? decodeURIComponent(hash)));
    if (tab) show(tab);
    if (!hash.includes("=")) return;
    lit = state.get("solver") ?? lit;
    if (slices && state.has("cases")) slices.value = state.get("cases");
    if (slices && slices.selectedIndex < 0) slices.selectedIndex = 0;
    const denied = new Set((state.get("without") ?? "").split(" "));
    needs.forEach((box) => (box.checked = !denied.has(box.dataset.need)));
    const axis = axes.find((one) => one.value === state.get("cost")) ?? axes[0];
    axes.forEach((one) => (one.checked = one === axis));
    if (search) search.value = state.get("find") ?? "";
  };
  const draw = () => {
    if (slices) choose();
    if (needs.length) filter();
    if (search) seek();
    light();
  };
  restore();
  draw();
  window.addEventListener("hashchange", () => {
    restore();
    draw();
  });
  [slices, ...needs, ...axes].filter(Boolean).forEach((one) =>
    one.addEventListener("change", () => {
      draw();
      keep();
    }),
  );
  if (search) {
    search.addEventListener("input", () => {
      seek();
      keep();
    });
    search.form.addEventListener("submit", (event) => event.preventDefault());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") found.hidden = true;
      if (event.key !== "/" || event.target.closest("input, select, textarea")) return;
      event.preventDefault();
      search.focus();
    });
    document.addEventListener("click", (event) => event.target.closest(".find") || (found.hidden = true));
    search.addEventListener("focus", () => (found.hidden = !search.value.trim()));
  }

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const reveal = (spot) => {
    const box = spot.getBoundingClientRect();
    tip.textContent = spot.dataset.tip;
    tip.hidden = false;
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${box.top + window.scrollY - tip.offsetHeight - 8}px`;
  };
  const hide = () => {
    tip.hidden = true;
  };
  all("[data-tip]").forEach((spot) => {
    all("title", spot).forEach((title) => title.remove()); // one tooltip, not two
    spot.addEventListener("mouseenter", () => reveal(spot));
    spot.addEventListener("focus", () => reveal(spot));
    spot.addEventListener("mouseleave", hide);
    spot.addEventListener("blur", hide);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());

  all("svg.chart [data-line]").forEach((part) => {
    const chart = part.closest("svg");
    const mine = all(`[data-line="${part.dataset.line}"]`, chart);
    const set = (on) => {
      chart.classList.toggle("picked", on);
      mine.forEach((one) => one.classList.toggle("on", on));
    };
    ["mouseenter", "focusin"].forEach((name) => part.addEventListener(name, () => set(true)));
    ["mouseleave", "focusout"].forEach((name) => part.addEventListener(name, () => set(false)));
  });
})();
