// A table that sorts by every column and draws only the rows in view.
import { Virtualizer, elementScroll, html, nothing, observeElementOffset, observeElementRect, render, repeat } from "../vendor/index.js";
import { compareTexts } from "./filters.js";

const ROW_HEIGHT = 36;
const NARROW = 40;

function compareValues(left, right) {
  const missing = (value) => value === null || value === undefined || value === "";
  if (missing(left) || missing(right)) return missing(left) - missing(right);
  return typeof left === "number" && typeof right === "number" ? left - right : compareTexts(String(left), String(right));
}

export class Grid {
  #all;
  #columns;
  #key;
  #label;
  #virtualizer;
  #rows = [];
  #order = { sort: "", descending: false };
  #page = null;

  // columns: {id, title, value(row), cell(row)?, width, number?, most?}: numbers are right-aligned, and the first
  // click sorts from the most to the least there and where `most` is set; key(row) is unique among the rows.
  constructor({ label, columns, key }) {
    this.#label = label;
    this.#all = columns;
    this.#columns = columns;
    this.#key = key;
    this.element = document.createElement("div");
    this.element.className = "grid";
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "region");
    this.element.setAttribute("aria-label", `${label}, scrolls`);
    this.#virtualizer = new Virtualizer(this.#options(0));
    this.#virtualizer._didMount();
  }

  // Returns the element that shows these rows in the order that the page's address asks for.
  show(page, rows, { without = [], ...fallback } = {}) {
    this.#columns = this.#told(this.#all.filter(({ id }) => !without.includes(id)), rows, page);
    const sort = page.params.get("sort") ?? fallback.sort ?? this.#columns[0].id;
    const descending = page.params.has("sort") ? page.params.get("order") === "down" : Boolean(fallback.descending);
    const moved = sort !== this.#order.sort || descending !== this.#order.descending || rows.length !== this.#rows.length;
    this.#page = page;
    this.element.classList.toggle("searched", Boolean(page.params.get("search")) && rows.length <= NARROW);
    this.#order = { sort, descending };
    this.#rows = this.#sorted(rows);
    this.#virtualizer.setOptions(this.#options(rows.length));
    if (moved || !this.element.isConnected) this.#toTop();
    this.#draw();
    queueMicrotask(() => this.#virtualizer._willUpdate());
    return this.element;
  }

  // On a narrow screen, without the columns that say the same of all rows.
  #told(columns, rows, page) {
    if (!matchMedia("(max-width: 700px)").matches || rows.length < 2) return columns;
    const differs = ({ value }) => new Set(rows.map((row) => String(value(row) ?? ""))).size > 1;
    return columns.filter((column, index) => index === 0 || column.id === page.params.get("sort") || differs(column));
  }

  #options(count) {
    return {
      count,
      getScrollElement: () => this.element,
      estimateSize: () => ROW_HEIGHT,
      initialRect: { width: 0, height: 720 },
      overscan: 8,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.#draw(),
    };
  }

  #toTop() {
    this.element.scrollTop = 0;
    this.#virtualizer.scrollOffset = 0;
  }

  #sorted(rows) {
    const column = this.#columns.find(({ id }) => id === this.#order.sort) ?? this.#columns[0];
    const way = this.#order.descending ? -1 : 1;
    const valued = rows.map((row, index) => ({ row, index, value: column.value(row) }));
    valued.sort((left, right) => way * compareValues(left.value, right.value) || left.index - right.index);
    return valued.map(({ row }) => row);
  }

  #sortBy(column) {
    const again = this.#order.sort === column.id;
    const down = again ? !this.#order.descending : Boolean(column.number || column.most);
    this.#page.set({ sort: column.id, order: down ? "down" : "up" });
  }

  #heading(column) {
    const sorted = this.#order.sort === column.id;
    const state = sorted ? (this.#order.descending ? "descending" : "ascending") : "none";
    const arrow = sorted ? (this.#order.descending ? "↓" : "↑") : "";
    return html`
      <th scope="col" class=${column.number ? "number" : ""} aria-sort=${state}>
        <button type="button" class="sort" data-sort=${column.id} @click=${() => this.#sortBy(column)}>
          ${typeof column.title === "function" ? column.title() : column.title}<span class="arrow" aria-hidden="true">${arrow}</span>
        </button>
      </th>`;
  }

  #cell(column, row, first) {
    const content = column.cell ? column.cell(row) : column.value(row);
    const kind = column.number ? "number" : "";
    return first
      ? html`<th scope="row" class=${kind}>${content}</th>`
      : html`<td class=${kind} title=${column.cell ? nothing : (content ?? "")}>${content}</td>`;
  }

  #row(item) {
    const row = this.#rows[item.index];
    return html`
      <tr aria-rowindex=${item.index + 2}>
        ${this.#columns.map((column, index) => this.#cell(column, row, index === 0))}
      </tr>`;
  }

  // Short tables are drawn whole, so that find-in-page and assistive technology see every row.
  #window() {
    if (this.#rows.length <= NARROW) {
      return { items: this.#rows.map((_, index) => ({ index })), above: 0, below: 0 };
    }
    const items = this.#virtualizer.getVirtualItems().filter(({ index }) => index < this.#rows.length);
    const above = items[0]?.start ?? 0;
    const end = items.at(-1)?.end ?? 0;
    return { items, above, below: Math.max(0, this.#rows.length * ROW_HEIGHT - end) };
  }

  #draw() {
    if (!this.#page) return;
    const { items, above, below } = this.#window();
    const spacer = (place) => html`<tr class="spacer" data-place=${place} aria-hidden="true"><td colspan=${this.#columns.length}></td></tr>`;
    render(
      html`
        <table aria-label=${this.#label} aria-rowcount=${this.#rows.length + 1}>
          <colgroup>
            ${this.#columns.map(({ width }) => html`<col class=${`width-${width ?? "m"}`} />`)}
          </colgroup>
          <thead>
            <tr aria-rowindex="1">
              ${this.#columns.map((column) => this.#heading(column))}
            </tr>
          </thead>
          <tbody>
            ${spacer("above")}${repeat(items, ({ index }) => this.#key(this.#rows[index]), (item) => this.#row(item))}${spacer("below")}
          </tbody>
        </table>`,
      this.element,
    );
    this.#space("above", above);
    this.#space("below", below);
  }

  #space(place, height) {
    this.element.querySelector(`.spacer[data-place=${place}]`).hidden = height === 0;
    this.element.querySelector(`.spacer[data-place=${place}] > td`).style.height = `${height}px`;
  }
}
