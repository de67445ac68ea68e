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
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const next = tabs[(step + tabs.length) % tabs.length];
      show(next);
      next.focus();
    });
  });

  const linked = tabs.find((tab) => `#${tab.textContent}` === decodeURIComponent(location.hash));
  if (linked) show(linked);

  const slices = document.querySelector("[data-slices]");
  if (slices) {
    const choose = () =>
      all("[data-slice]").forEach((slice) => slice.classList.toggle("later", slice.dataset.slice !== slices.value));
    slices.addEventListener("change", choose);
    choose();
  }

  const needs = all("[data-need]");
  const filter = () => {
    const denied = new Set(needs.filter((box) => !box.checked).map((box) => box.dataset.need));
    all("tr[data-needs]").forEach((row) => {
      row.hidden = row.dataset.needs.split(" ").some((need) => denied.has(need));
    });
  };
  needs.forEach((box) => box.addEventListener("change", filter));
  if (needs.length) filter();

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
