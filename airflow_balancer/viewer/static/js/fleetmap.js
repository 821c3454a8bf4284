// The fleet as tiles: a tile's area is the host's size, its fill what is taken. One stop of the Tab key; arrows move on.
import { hierarchy, html, nothing, render, svg, treemap } from "../vendor/index.js";
import { levelText, levels, loadText, loadWords } from "./load.js";

const HEADING = 17;
const LETTER = 6.6;
const LINE = 15;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clipped = (text, width) => {
  const most = Math.floor(width / LETTER);
  return text.length <= most ? text : most > 7 ? `${text.slice(0, most - 1)}…` : "";
};

const middle = ({ x0, x1, y0, y1 }) => [(x0 + x1) / 2, (y0 + y1) / 2];

// The tile whose middle is the nearest in a direction; sideways counts double.
function nearest(tiles, from, [right, down]) {
  const [x, y] = middle(from);
  const ahead = tiles.map((tile) => {
    const [dx, dy] = [middle(tile)[0] - x, middle(tile)[1] - y];
    const along = dx * right + dy * down;
    return { tile, along, far: along + 2 * Math.abs(right ? dy : dx) };
  });
  return ahead.filter(({ along }) => along > 1).sort((one, other) => one.far - other.far)[0]?.tile;
}

export class FleetMap {
  #groups = [];
  #tiles = [];
  #current = "";
  #about = "";
  #open = () => {};

  constructor() {
    this.element = document.createElement("div");
    this.element.className = "fleet-map";
    // Not on the SVG: Chromium makes one with listeners of the focus a stop of the Tab key itself.
    const listeners = { click: this.#onClick, keydown: this.#onKey, pointerover: this.#onAbout, focusin: this.#onAbout, pointerleave: this.#onLeave, focusout: this.#onLeave };
    for (const [name, listener] of Object.entries(listeners)) this.element.addEventListener(name, listener);
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  // groups: {name, hosts}; each host has `load` or null, and `words`, what is said of it.
  show(groups, open) {
    this.#groups = groups;
    this.#open = open;
    this.#draw();
    return this.element;
  }

  #places() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const root = hierarchy({ children: this.#groups.map(({ name, hosts }) => ({ name, children: hosts })) }).sum(({ size }) => size ?? 0);
    root.sort((left, right) => right.value - left.value);
    const named = this.#groups.some(({ name }) => name);
    return treemap().size([width || 1200, height || 320]).paddingInner(2).paddingTop(({ depth }) => (depth === 1 && named ? HEADING : 0)).round(true)(root);
  }

  #heading = ({ x0, x1, y0, data, value }) => svg`
    <text class="map-heading" x=${x0 + 2} y=${y0 + 12}><title>${data.name}</title>${clipped(`${data.name} · ${value}`, x1 - x0)}</text>`;

  #tile = ({ x0, y0, x1, y1, data }) => {
    const [width, height] = [x1 - x0, y1 - y0];
    const share = Math.min(1, data.load?.share ?? 0);
    return svg`
      <g class=${`host-tile level-${data.load?.level ?? "unknown"}`} role="button" aria-haspopup="dialog" aria-label=${data.words} data-name=${data.name}
        tabindex=${data.name === this.#current ? 0 : -1} transform=${`translate(${x0},${y0})`}>
        <rect class="tile-open" width=${width} height=${height} rx="2"></rect>
        <rect class="tile-taken" y=${height * (1 - share)} width=${width} height=${height * share} rx="2"></rect>
        ${data.drain ? svg`<rect class="tile-drained" width=${width} height=${height} rx="2" fill="url(#drained)"></rect>` : nothing}
        <rect class="tile-frame" x="0.5" y="0.5" width=${Math.max(0, width - 1)} height=${Math.max(0, height - 1)} rx="2"></rect>
      </g>`;
  };

  // Above the tiles, not in them: their labels say more than there is room for.
  #texts = ({ x0, y0, x1, y1, data }) => {
    const lines = [data.name, data.load ? loadText(data.load) : ""].slice(0, Math.floor((y1 - y0 - 4) / LINE));
    return lines.map((text, index) => svg`<text x=${x0 + 4} y=${y0 + 13 + index * LINE}>${clipped(text, x1 - x0 - 8)}</text>`);
  };

  #draw() {
    if (this.#groups.length === 0) return;
    const root = this.#places();
    this.#tiles = root.leaves();
    if (!this.#tiles.some(({ data }) => data.name === this.#current)) this.#current = this.#tiles[0].data.name;
    const about = this.#tiles.find(({ data }) => data.name === this.#about);
    const { clientWidth: width, clientHeight: height } = this.element;
    render(
      html`<svg role="group" aria-label="Hosts, a tile each; arrow keys move between them" viewBox=${`0 0 ${width || 1200} ${height || 320}`}>
          <defs><pattern id="drained" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch" width="3" height="8"></rect></pattern></defs>
          ${root.children.map(this.#heading)}${this.#tiles.map(this.#tile)}
          <g class="tile-texts" aria-hidden="true">${this.#tiles.map(this.#texts)}</g>
        </svg>
        <p class="map-about" aria-hidden="true" ?hidden=${!about}>${about?.data.words}</p>`,
      this.element,
    );
    if (about) this.#place(about);
  }

  #place({ x0, x1, y0, y1 }) {
    const box = this.element.querySelector(".map-about");
    const { clientWidth: width } = this.element;
    box.style.left = `${Math.max(0, Math.min((x0 + x1) / 2 - box.offsetWidth / 2, width - box.offsetWidth))}px`;
    box.style.top = `${y0 - box.offsetHeight - 4 < 0 ? y1 + 4 : y0 - box.offsetHeight - 4}px`;
  }

  #nameOf = (event) => event.target.closest(".host-tile")?.dataset.name ?? "";

  #onClick = (event) => {
    const name = this.#nameOf(event);
    if (!name) return;
    this.#current = name;
    this.#open(name);
  };

  #onAbout = (event) => {
    const name = this.#nameOf(event);
    if (name === this.#about) return;
    this.#about = name;
    this.#draw();
  };

  #onLeave = () => {
    this.#about = "";
    this.#draw();
  };

  #onKey = (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#open(this.#current);
      return;
    }
    const here = this.#tiles.find(({ data }) => data.name === this.#current);
    const next = event.key === "Home" ? this.#tiles[0] : event.key === "End" ? this.#tiles.at(-1) : event.key in STEPS ? nearest(this.#tiles, here, STEPS[event.key]) : null;
    if (!next) return;
    event.preventDefault();
    this.#current = next.data.name;
    this.#about = this.#current;
    this.#draw();
    this.element.querySelector('.host-tile[tabindex="0"]').focus();
  };
}

export const mapKey = html`
  <ul class="key" aria-label="Colours of the tiles">
    ${levels.toReversed().map((level) => html`<li><i class=${`swatch tile-key level-${level}`}></i>${levelText(level)}</li>`)}
    <li><i class="swatch tile-key drained"></i>drained</li>
  </ul>`;
