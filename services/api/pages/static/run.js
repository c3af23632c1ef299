// The page of a run: more rows in a form without a round trip, what an allocation adds up to while somebody types, the picture in view.
"use strict";
(() => {
  const number = (text) => { const found = Number(text.trim()); return text.trim() && Number.isFinite(found) ? found : null; };
  const plain = (value) => value.toLocaleString("en", { maximumFractionDigits: 6 });
  const rowsOf = (group) => [...group.querySelectorAll("[data-row]")];

  // A row without a quantity takes the whole; one without a stage stands in the first. Nothing else is known here: the API decides.
  function sums(group) {
    const field = (row, name) => row.querySelector(`[name$=".${name}"]`).value;
    const rows = rowsOf(group).filter((row) => [...row.querySelectorAll("input:not([type=checkbox])")].some((each) => each.value.trim()));
    const given = rows.map((row) => number(field(row, "order"))).filter((stage) => stage !== null);
    const first = given.length ? Math.min(...given) : null;
    const whole = Number(group.dataset.quantity), found = new Map();
    for (const row of rows) {
      const stage = number(field(row, "order")) ?? first;
      found.set(stage, (found.get(stage) ?? 0) + (number(field(row, "quantity")) ?? whole));
    }
    return [...found].sort(([one], [other]) => one - other).map(([stage, total]) => ({ stage, total, whole }));
  }

  function tell(group, place) {
    place.replaceChildren(...sums(group).map(({ stage, total, whole }) => {
      const line = document.createElement("span"), isRight = Math.abs(total - whole) < 1e-6;
      line.className = isRight ? "" : "off";
      line.textContent = `${stage === null ? "All rows" : `Stage ${stage}`}: ${plain(total)} of ${plain(whole)}${isRight ? " ✓" : " – this does not add up"}`;
      return line;
    }));
  }

  function more(group) {
    const rows = rowsOf(group), row = rows[rows.length - 1].cloneNode(true), name = group.dataset.rows;
    const renamed = (text) => text.replace(new RegExp(`${name}\\.\\d+\\.`), `${name}.${rows.length}.`);
    row.querySelectorAll(".wrong").forEach((each) => each.remove());
    row.querySelectorAll("[id], [name], [for]").forEach((each) => ["id", "name", "for"].forEach((attribute) => {
      if (each.hasAttribute(attribute)) each.setAttribute(attribute, renamed(each.getAttribute(attribute)));
    }));
    row.querySelectorAll("[aria-invalid]").forEach((each) => each.removeAttribute("aria-invalid"));
    row.querySelectorAll("input, select, textarea").forEach((each) => { if (each.type === "checkbox") each.checked = false; else each.value = ""; });
    const legend = row.querySelector("legend");
    legend.textContent = `${legend.textContent.split(" ")[0]} ${rows.length + 1}`;
    rows[rows.length - 1].after(row);
    row.querySelector("input").focus();
  }

  loomline.extra((root) => {
    root.querySelectorAll("[data-rows]").forEach((group) => {
      const form = group.closest("form"), place = form.querySelector("[data-sums]"), button = form.querySelector("[data-more-rows]");
      button.textContent = button.dataset.moreRows;
      button.addEventListener("click", (event) => { event.preventDefault(); more(group); });
      if (!place) return;
      form.addEventListener("input", () => tell(group, place));
      tell(group, place);
    });
    root.querySelectorAll(".run-scroll").forEach((scroll) => {
      const here = scroll.querySelector(".here rect");
      if (here) scroll.scrollLeft = here.x.baseVal.value + here.width.baseVal.value / 2 - scroll.clientWidth / 2;
    });
  });
})();
