// The page of an explanation. Everything from the data becomes text nodes.
(async () => {
  const $ = id => document.getElementById(id);
  const ROW = 20;
  const data = await readData($("data").textContent.trim()), {places, stages, text} = data;
  const at = ([stage, number]) => stages[stage].equations[number];
  // For each equation of each stage, the equations of later stages that come from it; made when first asked for, or when idle.
  let children = null;
  const findChildren = () => {
    if (children) return children;
    children = stages.map(s => s.equations.map(() => null));
    for (const s of stages) for (const child of s.equations) for (const [p, n] of child.parents)
      if (children[p][n]) children[p][n].push(child); else children[p][n] = [child];
    return children;
  };
  const childrenOf = e => findChildren()[e.stage][e.number] || [];
  const shorten = (n, units) => {
    for (const unit of units) {
      if (Math.abs(n) < 1000 || unit === units[units.length - 1])
        return (Number.isInteger(n) ? n : n >= 100 ? Math.round(n) : Number(n.toPrecision(3))) + unit;
      n /= 1000;
    }
  };
  const bytes = n => shorten(n, [" B", " kB", " MB", " GB"]);
  const short = n => shorten(n, ["", "k", "M", "G", "T"]);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // -- State -----------------------------------------------------------------------------------------------------------
  const state = {
    stage: Math.min(1, stages.length - 1), cursor: null, open: new Set(),
    lit: null, litWords: "", fold: true, unfolded: new Set(),
    changes: true, plain: false, run: false, step: 0, query: "", match: 0,
  };
  let rows = [], matches = [];
  const name = e => stages[e.stage].name + "." + e.number;

  // Whether an equation comes from what is lit: equations of the jaxpr stage, or a line of a rule, which wrote none there.
  const isLit = e => state.lit !== null && (state.made ? state.made.has(e) : e.users.some(u => state.lit.has(u)));
  let litSource = new Set(), litPlaces = new Set();
  const light = (users, words, made = null, from = null) => {
    state.lit = users && users.size ? users : null;
    state.made = made;
    state.litWords = words;
    state.unfolded.clear();
    litPlaces = new Set(from || [...users || []].map(u => stages[1].equations[u].place).filter(Boolean));
    litSource = new Set();
    for (const p of litPlaces) for (let n = p.line; n <= p.endLine; n++) litSource.add(p.file + ":" + n);
    hits = null;
  };
  let hits = null;
  const hitsOf = stage => {
    if (!hits) hits = stages.map(s => s.kind === "jaxpr" ? s.equations.filter(isLit).length :
      s.kind === "program" ? s.lines.filter(l => l.length > 2 && litSource.has(l[2] + ":" + l[3])).length : 0);
    return hits[stage.index];
  };

  // -- Rows of the program: each is one line high ------------------------------------------------------------------------
  const before = stage => {
    // The stage that most equations of this one were in.
    const count = new Map();
    for (const e of stage.equations) if (e.same) count.set(e.same[0], (count.get(e.same[0]) || 0) + 1);
    const best = [...count].sort((a, b) => b[1] - a[1])[0];
    return best ? stages[best[0]] : null;
  };
  const goneRows = stage => {
    // {number of the equation of this stage before which they stood: equations that this stage no longer has}
    const previous = stages.find(s => s.equations.some(e => e.removed && e.removed.stage === stage.index));
    if (!previous) return new Map();
    const stays = new Map();
    for (const e of stage.equations) if (e.same && e.same[0] === previous.index) stays.set(e.same[1], e.number);
    const found = new Map();
    let next = -1;
    for (const e of [...previous.equations].reverse()) {
      if (stays.has(e.number)) next = stays.get(e.number);
      else if (e.removed && e.removed.stage === stage.index) {
        if (!found.has(next)) found.set(next, []);
        found.get(next).unshift(e);
      }
    }
    return found;
  };
  const label = stage => stage.name.startsWith("pass") ? stage.title.replace(/^After /, "") : stage.name;
  // The lines of an equation as one.
  const whole = e => shortened(e.words || e.names + " = " + e.primitive, 400);
  const shortened = (words, most) => words.length > most ? words.slice(0, most - 1) + "…" : words;
  const build = () => {
    const stage = stages[state.stage];
    rows = [];
    if (stage.error) { rows.push({kind: "note", text: stage.error}); return; }
    const gone = state.changes ? goneRows(stage) : new Map(), seen = new Set();
    const goneRow = e => ({kind: "gone", text: "  ".repeat(e.depth + 2) + whole(e), e});
    const pushGone = key => rows.push(...(gone.get(key) || []).map(goneRow));
    const base = stage.name.startsWith("pass") ? before(stage) : null;
    let folded = 0, foldStart = -1;
    const flush = () => {
      const words = `    ⋯ ${folded} line${folded > 1 ? "s" : ""} of other expressions`;
      if (folded) rows.push({kind: "folded", text: words, start: foldStart});
      folded = 0;
    };
    const folding = state.fold && state.lit !== null && hitsOf(stage) > 0 && stage.kind !== "source";
    let group = -1;
    stage.lines.forEach((line, i) => {
      const e = line[1] >= 0 ? stage.equations[line[1]] : null;
      const first = e !== null && !seen.has(e.number);
      const lit = e ? isLit(e) : line.length > 2 && state.lit !== null && litSource.has(line[2] + ":" + line[3]);
      if (first) { seen.add(e.number); if (!folding || lit) pushGone(e.number); }
      // Lines that belong to no equation stay: heads and results.
      if (folding && !lit && (e || line.length > 2 || stage.kind === "program")) {
        if (!folded) { foldStart = i; group = i; }
        if (!state.unfolded.has(group)) { folded++; return; }
      } else { flush(); group = -1; }
      const isNew = first && base !== null && (!e.same || e.same[0] !== base.index);
      rows.push({kind: e ? "eq" : "text", text: line[0], e, first, lit, isNew, line: i});
      if (e && state.open.has(name(e)) && stage.lines[i + 1]?.[1] !== e.number) details(e);
    });
    flush();
    pushGone(-1);
    search();
  };
  const details = e => {
    const add = (label, ...parts) => rows.push({kind: "detail", label, parts});
    const link = other => ({href: "#" + name(other), text: `${label(stages[other.stage])}: ${whole(other)}`});
    if (e.place) add("expression", {text: e.place.words, place: e.place}, `   ${e.place.path}:${e.place.line}:${e.place.column}`);
    add("type", e.types + "   " + e.role);
    if (e.value) add(e.finite ? "value" : "NOT FINITE", e.value);
    const [flops, transcendentals, moved] = e.cost;
    const apart = transcendentals ? `, ${short(transcendentals)} exp etc.` : "";
    const kept = e.residual ? `; kept for the way back: ${bytes(e.residual)}` : "";
    add("cost", `${short(flops)} FLOPs${apart}, ${bytes(moved)} read and written${kept}`);
    const parents = e.parents.map(at);
    parents.slice(0, 6).forEach((p, i) => add(i ? "" : "comes from", link(p)));
    if (parents.length > 6) add("", `and ${parents.length - 6} more`);
    // A pass that leaves the equation as it is goes without saying.
    const unchanged = new Set(), later = childrenOf(e).filter(c => {
      const words = c.names + c.types + c.primitive;
      return !stages[c.stage].name.startsWith("pass") || (!unchanged.has(words) && unchanged.add(words));
    });
    later.slice(0, 8).forEach((c, i) => add(i ? "" : "goes into", link(c)));
    if (later.length > 8) add("", `and ${later.length - 8} more`);
    if (e.removed) {
      const by = stages[e.removed.stage];
      add("goes", e.removed.why, {href: "#" + by.name, text: `  ${by.title}`});
    }
    if (e.rule >= 0) {
      const [primitive, kind, file, line, source] = data.rules[e.rule];
      add("written by", `${kind} rule of ${primitive}` + (file ? `   ${file}${line ? ":" + line : ""}` : ""));
      // The rule was applied where the equation was written: in an earlier stage, if it was carried along since.
      let written = e;
      while (written.same) written = at(written.same);
      const filled = fill(kind, written.parents.length ? at(written.parents[0]) : null);
      if (filled) add("here", filled);
      for (const row of source.split("\n")) add("", "  " + row);
    } else if (e.same) add("written by", `you: it is the equation ${stages[e.same[0]].name}.${e.same[1]}`);
  };
  const fill = (kind, parent) => {
    if (!parent) return "";
    const stage = stages[parent.stage].name;
    if (kind === "jvp") return `primals = (${parent.operands}), and ans = ${parent.names}, of stage ${stage}`;
    if (kind === "transpose") return `ct = the cotangent of ${parent.names}, args = (${parent.operands}), of stage ${stage}`;
    if (kind === "batch") return `args = (${parent.operands}) with their batch axes, of stage ${stage}`;
    return "";
  };

  // -- Drawing ---------------------------------------------------------------------------------------------------------
  const program = $("program"), space = $("space"), list = $("rows");
  const marked = words => {
    if (!state.query) return [words];
    const parts = [], lower = words.toLowerCase(), query = state.query.toLowerCase();
    let from = 0;
    for (let i = lower.indexOf(query); i >= 0; i = lower.indexOf(query, from)) {
      parts.push(words.slice(from, i), make("mark", {}, words.slice(i, i + query.length)));
      from = i + query.length;
    }
    return [...parts, words.slice(from)];
  };
  const draw = row => {
    const {kind, e} = row;
    if (kind === "detail") {
      const words = make("span", {class: "t"}, make("b", {}, row.label));
      for (const part of row.parts)
        words.append(typeof part === "string" ? part : part.href ? make("a", {href: part.href}, part.text) :
          make("a", {href: "#", onclick: event => { event.preventDefault(); lightPlaces([part.place]); }}, part.text));
      return make("div", {class: "row detail"}, make("span", {class: "no"}), words);
    }
    if (kind === "folded") return make("div", {class: "row folded", onclick: () => { state.unfolded.add(row.start); refresh(); }},
      make("span", {class: "no"}), make("span", {class: "t"}, row.text));
    if (kind === "gone") {
      const words = make("span", {class: "t"}, row.text.match(/^ */)[0], make("s", {}, row.text.trim()));
      const why = make("span", {class: "e"}, e.removed.why);
      return make("div", {class: `row gone ${e.role}`, title: e.removed.why}, make("span", {class: "no"}, "−"), words, why);
    }
    const classes = ["row", kind === "text" ? (/^\s*(#|\/\/)/.test(row.text) ? "note" : "") : "eq"];
    if (e) classes.push(e.role, row.first && e.residual ? "kept" : "", row.isNew ? "new" : "", e.finite ? "" : "bad");
    if (kind === "note") classes.push("gone");
    if (row.lit) classes.push("lit");
    if (e && state.cursor === e) classes.push("cursor");
    const number = row.first
      ? make("a", {class: "no", href: "#" + name(e), title: "link to this equation"}, String(e.number))
      : make("span", {class: "no"});
    const element = make("div", {class: classes.filter(Boolean).join(" "), id: row.first ? "row-" + e.number : null},
      number, make("span", {class: "t"}, ...marked(row.text)));
    if (row.first && e.residual) element.append(make("span", {class: "keep"}, `kept ${bytes(e.residual)}`));
    if (row.first && e.place) element.append(make("span", {class: "e"}, shortened(e.place.words, 60)));
    if (e) element.addEventListener("click", event => {
      if (event.target.closest("a") || String(getSelection())) return;
      if (state.cursor === e) toggle(e); else { choose(e); }
    });
    else if (row.lit !== undefined && stages[state.stage].kind === "program") element.addEventListener("click", () => {
      const line = stages[state.stage].lines[row.line];
      if (line.length > 2) lightPlaces(places.filter(p => p.file === line[2] && p.line === line[3]));
    });
    return element;
  };
  // The source scrolls to what is lit once, when it is lit.
  let litWas = null;
  let drawn = [-1, -1];
  const paint = force => {
    const from = Math.max(0, Math.floor(program.scrollTop / ROW) - 15);
    const to = Math.min(rows.length, Math.ceil((program.scrollTop + program.clientHeight) / ROW) + 15);
    if (!force && drawn[0] === from && drawn[1] === to) return;
    drawn = [from, to];
    list.style.top = from * ROW + "px";
    list.replaceChildren(...rows.slice(from, to).map(draw));
  };
  const refresh = () => {
    build();
    space.style.height = rows.length * ROW + 24 + "px";
    $("whole").hidden = !state.plain;
    space.hidden = state.plain;
    if (state.plain) $("whole").textContent = stages[state.stage].error || stages[state.stage].lines.map(l => l[0]).join("\n");
    paint(true);
    for (const [i, button] of [...$("stages").children].entries()) {
      button.setAttribute("aria-current", i === state.stage);
      const count = state.lit ? hitsOf(stages[i]) : 0;
      button.querySelector(".hits").hidden = !count;
      button.querySelector(".hits").textContent = count;
    }
    for (const id of ["fold", "changes", "plain", "run"]) $(id).setAttribute("aria-pressed", state[id]);
    $("scrub").value = state.stage;
    const stage = stages[state.stage], [flops, transcendentals] = stage.cost;
    const size = `${stage.equations.length} equations, ${short(flops)} FLOPs, ${short(transcendentals)} exp etc.`;
    const counted = ` ${size}, ${bytes(stage.bytes)}.`;
    $("change").replaceChildren(make("b", {}, stage.title + ". "),
      stage.error ? make("span", {class: "error"}, stage.change) : stage.change,
      stage.kind === "jaxpr" && !stage.error ? counted : "",
      state.lit ? ` Lit: what comes from ${state.litWords}` : "");
    lightSource();
  };
  const lightSource = () => {
    const isOn = id => litPlaces.has(places[id]);
    for (const span of document.querySelectorAll("#source .p")) {
      const ids = span.dataset.p.split(" ").map(Number);
      const on = state.lit !== null && isOn(ids[0]);
      span.classList.toggle("on", on);
      span.classList.toggle("half", state.lit !== null && !on && ids.some(isOn));
      if (on && litWas !== state.lit) {
        span.scrollIntoView({block: "nearest"});
        $("source").scrollLeft = span.offsetLeft < $("source").clientWidth * .7 ? 0 : span.offsetLeft - 60;
        litWas = state.lit;
      }
    }
  };
  program.addEventListener("scroll", () => paint(false));
  new ResizeObserver(() => paint(true)).observe(program);

  // -- Moving about ----------------------------------------------------------------------------------------------------
  const rowOf = e => rows.findIndex(r => r.first && r.e === e);
  const show = (e, top) => {
    const i = rowOf(e);
    if (i < 0) return;
    const y = i * ROW;
    if (top !== undefined) program.scrollTop = y - top;
    else if (y < program.scrollTop + ROW || y > program.scrollTop + program.clientHeight - 3 * ROW)
      program.scrollTop = y - program.clientHeight / 3;
    paint(true);
  };
  const choose = (e, lighten = true) => {
    state.cursor = e;
    if (lighten) light(new Set(e.users), e.place ? e.place.words : e.names);
    const y = rowOf(e) * ROW - program.scrollTop;
    refresh();
    show(e, y >= 0 && y < program.clientHeight - ROW ? y : undefined);
    address("#" + name(e));
  };
  const toggle = e => {
    const key = name(e);
    state.open.has(key) ? state.open.delete(key) : state.open.add(key);
    refresh();
    show(e);
  };
  const usersByPlace = new Map();
  for (const e of stages[1].equations) if (e.place) {
    if (!usersByPlace.has(e.place.id)) usersByPlace.set(e.place.id, []);
    usersByPlace.get(e.place.id).push(e.number);
  }
  const usersOf = list => list.flatMap(p => usersByPlace.get(p.id) || []);
  const lightPlaces = list => {
    const users = new Set(usersOf(list)), made = users.size ? null : new Set();
    // A line of a rule of the user's has no equation in the jaxpr: light what it wrote, and what comes from that.
    if (made) for (const s of stages) for (const e of s.equations)
      if (list.includes(e.place) || e.parents.some(p => made.has(at(p)))) { made.add(e); e.users.forEach(u => users.add(u)); }
    light(users, list[0] ? list[0].words : "", made, made && list);
    state.cursor = null;
    refresh();
    const i = rows.findIndex(r => r.lit), y = i * ROW;
    if (i >= 0 && (y < program.scrollTop || y > program.scrollTop + program.clientHeight - ROW)) {
      program.scrollTop = Math.max(0, i - 3) * ROW;
      paint(true);
    }
  };
  const counterpart = (e, stage) => {
    // The equation of another stage that this one is, or that comes from the same.
    if (!e) return null;
    for (let x = e; x; x = x.same ? at(x.same) : null) if (x.stage === stage.index) return x;
    let found = null;
    for (const other of stage.equations) {
      for (let x = other; x && !found; x = x.same ? at(x.same) : null) if (x === e) found = other;
      if (found) return found;
    }
    return stage.equations.find(o => o.role === e.role && o.users.some(u => e.users.includes(u))) ||
      stage.equations.find(o => o.users.some(u => e.users.includes(u))) || null;
  };
  // In a notebook's frame the address is not the page's to change.
  const address = hash => {
    try { history.replaceState(null, "", hash); }
    catch (error) { if (error.name !== "SecurityError") throw error; }
  };
  const goStage = index => {
    if (index < 0 || index >= stages.length || index === state.stage) return;
    // What is looked at stays where it is on the screen.
    const top = Math.floor(program.scrollTop / ROW);
    const anchor = state.cursor && rowOf(state.cursor) >= 0 ? state.cursor : (rows.slice(top).find(r => r.first) || {}).e;
    const y = anchor ? rowOf(anchor) * ROW - program.scrollTop : 0;
    state.stage = index;
    const other = counterpart(anchor, stages[index]);
    if (state.cursor) state.cursor = other;
    refresh();
    if (other && rowOf(other) >= 0) show(other, Math.min(Math.max(y, 0), program.clientHeight - 2 * ROW));
    else { program.scrollTop = 0; paint(true); }
    program.classList.remove("scrubbed"); void program.offsetWidth; program.classList.add("scrubbed");
    const button = $("stages").children[index];
    button.scrollIntoView({block: "nearest", inline: "nearest"});
    address("#" + (state.cursor ? name(state.cursor) : stages[index].name));
  };
  const step = by => {
    const candidates = rows.filter(r => r.first).map(r => r.e);
    if (!candidates.length) { program.scrollTop += by * ROW; return; }
    const i = candidates.indexOf(state.cursor), last = candidates.length - 1;
    const next = candidates[i >= 0 ? Math.min(Math.max(i + by, 0), last) : by > 0 ? 0 : last];
    state.cursor = next;
    show(next);
    paint(true);
    address("#" + name(next));
  };
  const search = () => {
    matches = [];
    if (state.query) {
      const query = state.query.toLowerCase();
      rows.forEach((r, i) => { if (r.text && r.text.toLowerCase().includes(query)) matches.push(i); });
    }
    state.match = Math.min(state.match, Math.max(matches.length - 1, 0));
    $("found").textContent = state.query ? (matches.length ? `${state.match + 1} of ${matches.length}` : "not found") : "";
  };
  const goMatch = by => {
    if (!matches.length) return;
    state.match = (state.match + by + matches.length) % matches.length;
    const row = rows[matches[state.match]];
    if (row.e && row.kind === "eq") state.cursor = row.e;
    program.scrollTop = matches[state.match] * ROW - program.clientHeight / 3;
    $("found").textContent = `${state.match + 1} of ${matches.length}`;
    paint(true);
  };
  const follow = () => {
    const [stage, number] = decodeURIComponent(location.hash.slice(1)).split(".");
    const found = stages.find(s => s.name === stage);
    if (!found) return;
    state.stage = found.index;
    const e = number === undefined ? null : found.equations[Number(number)];
    if (e) { light(new Set(e.users), e.place ? e.place.words : e.names); state.cursor = e; state.open.add(name(e)); }
    refresh();
    if (e) show(e); else { program.scrollTop = 0; paint(true); }
  };

  // -- Your source -------------------------------------------------------------------------------------------------------
  const drawSource = () => {
    const byLine = new Map();
    for (const p of places) if (p.file >= 0) for (let n = p.line; n <= p.endLine; n++) {
      const key = p.file + ":" + n;
      if (!byLine.has(key)) byLine.set(key, []);
      byLine.get(key).push(p);
    }
    const size = p => (p.endLine - p.line) * 1000 + p.endColumn - p.column;
    data.sources.forEach((source, file) => {
      $("source").append(make("h3", {}, source.file));
      for (const [n, words] of source.lines) {
        // Columns are in letters as Python counts them; a letter outside the basic plane is two in JavaScript.
        const line = [...text(words)], here = (byLine.get(file + ":" + n) || []);
        const span = p => [p.line === n ? p.column : 0, p.endLine === n ? p.endColumn : line.length];
        const cuts = [...new Set([0, line.length, ...here.flatMap(span)])].filter(c => c <= line.length).sort((a, b) => a - b);
        const row = make("div", {"data-line": n}, make("i", {}, String(n)));
        for (let i = 0; i + 1 < cuts.length; i++) {
          const words = line.slice(cuts[i], cuts[i + 1]).join("");
          const covers = p => { const [a, b] = span(p); return a <= cuts[i] && b >= cuts[i + 1]; };
          const over = here.filter(covers).sort((a, b) => size(a) - size(b)), p = over[0];
          // Several runs of one expression are several places of the same extent.
          const alike = q => q.line === p.line && q.column === p.column && q.endLine === p.endLine && q.endColumn === p.endColumn;
          if (!p) row.append(words);
          else row.append(make("span", {class: "p", "data-p": over.map(q => q.id).join(" "), title: p.words, role: "button",
            tabindex: -1, onclick: () => lightPlaces(here.filter(alike))}, words));
        }
        $("source").append(row);
      }
    });
  };

  // By keys: from one expression to the next; a piece of the same expression is passed over.
  const moveInSource = by => {
    const seen = new Set(), isFirst = s => !seen.has(s.dataset.p) && seen.add(s.dataset.p);
    const all = [...document.querySelectorAll("#source .p")].filter(isFirst), i = all.indexOf(document.activeElement);
    const lit = all.find(s => s.classList.contains("on")) || all[0];
    const next = i >= 0 ? all[Math.min(Math.max(i + by, 0), all.length - 1)] : lit;
    if (next) next.focus();
  };

  // -- Run it ------------------------------------------------------------------------------------------------------------
  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  // Which other version's memory is drawn beside: its number among those that could be made, or -1.
  let other = -1;
  const versions = data.versions.filter(v => !v[5]);
  const WIDE = 1000, HIGH = 100;
  // Memory over the steps, the residuals as bars, and where one is.
  const memoryPicture = (line, i) => {
    const steps = line.live.length, extra = other >= 0 ? versions[other] : null;
    const most = Math.max(line.peak, extra ? extra[3] : 0, 1);
    const curve = live => live.map((b, k) => {
      const y = (HIGH - b * HIGH / most).toFixed(1), [from, to] = [k, k + 1].map(x => (x * WIDE / live.length).toFixed(1));
      return `${from},${y} ${to},${y}`;
    }).join(" ");
    const picture = svg("svg", {viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img",
      "aria-label": `memory over ${steps} steps, at most ${bytes(line.peak)}`});
    picture.append(svg("polygon", {class: "area", points: `0,${HIGH} ${curve(line.live)} ${WIDE},${HIGH}`}));
    if (extra) picture.append(svg("polyline", {class: "other", points: curve(extra[4])}));
    // The sixty largest residuals, in the order in which they are made.
    const shown = [...line.residuals].sort((a, b) => b[2] - a[2]).slice(0, 60).sort((a, b) => a[4] - b[4]);
    const thick = Math.min(6, HIGH * .8 / Math.max(shown.length, 1));
    shown.forEach(([label, type, size, equation, made, used], k) => {
      const x = Math.max(made, 0) * WIDE / steps, now = made <= i && i <= used;
      const bar = svg("rect", {class: now ? "bar now" : "bar", x, y: 4 + k * thick * 1.2, height: thick,
        width: (used + 1) * WIDE / steps - x});
      bar.append(svg("title", {}));
      bar.firstChild.textContent = `${label}:${type} ${bytes(size)}`;
      picture.append(bar);
    });
    const upright = (k, kind) => {
      const x = (k + .5) * WIDE / steps;
      picture.append(svg("line", {class: kind, x1: x, x2: x, y1: 0, y2: HIGH}));
    };
    if (line.backward !== null) upright(line.backward - .5, "turn");
    if (line.bad !== null) upright(line.bad, "badat");
    upright(i, "at");
    picture.addEventListener("click", event => {
      const part = (event.clientX - picture.getBoundingClientRect().left) / picture.clientWidth;
      goStep(Math.floor(part * steps));
    });
    return picture;
  };
  const stepControls = (line, i) => {
    const button = (words, to, more = {}) => make("button", {...more, onclick: () => goStep(to)}, words);
    const way = line.backward === null ? "" : i < line.backward ? "forwards, " : "backwards, ";
    const memory = `${bytes(line.live[i])} in memory, at most ${bytes(line.peak)}`;
    return make("div", {class: "controls"},
      button("start", 0), button("[ back", i - 1), button("] on", i + 1),
      line.backward === null ? "" : button("to the turn", line.backward),
      button("to the peak", line.peakStep),
      line.bad === null ? "" : button("to the first NaN or infinity", line.bad, {class: "warn"}),
      make("span", {}, `step ${i + 1} of ${line.live.length}, ${way}${memory}`));
  };
  const stepText = (line, i, e) => {
    const isSum = e.rule >= 0 && data.rules[e.rule][1] === "sum";
    const words = [whole(e), "= " + (e.value || "(not computed)")];
    if (isSum) words.push("cotangents add up here: " + e.operands.split(", ").join(" + "));
    if (!e.finite) words.push("a NaN or an infinity arises here");
    const held = line.residuals.filter(r => r[4] <= i && i <= r[5]).map(r => `${r[0]}:${r[1]} ${bytes(r[2])}`);
    const more = held.length > 12 ? ` and ${held.length - 12} more` : "";
    return make("div", {},
      make("p", {class: "step"}, words.join("\n")),
      make("p", {}, `Kept for the way back now: ${held.slice(0, 12).join(", ") || "nothing"}${more}.`));
  };
  const versionTable = () => {
    const row = (v, k) => {
      const beside = () => { other = other === k ? -1 : k; drawRun(); };
      const number = words => make("td", {class: "n"}, words);
      return make("tr", {}, make("td", {}, v[0]), number(String(v[1])), number(short(v[2])), number(bytes(v[3])),
        make("td", {}, make("button", {"aria-pressed": String(other === k), onclick: beside}, other === k ? "hide" : "beside")));
    };
    const head = make("tr", {}, ...["version", "equations", "FLOPs", "peak", ""].map(words => make("th", {}, words)));
    return make("div", {class: "scroll"}, make("table", {}, make("thead", {}, head), make("tbody", {}, ...versions.map(row))));
  };
  const drawRun = () => {
    const line = data.timeline, panel = $("memory");
    panel.hidden = !state.run || !line || !line.live.length;
    document.body.classList.toggle("running", !panel.hidden);
    if (panel.hidden) return;
    const i = state.step = Math.min(Math.max(state.step, 0), line.live.length - 1);
    const e = stages[line.stage].equations[line.equations[i]];
    panel.replaceChildren(stepControls(line, i), memoryPicture(line, i),
      make("div", {class: "two"}, stepText(line, i, e), versionTable()));
  };
  const goStep = i => {
    const line = data.timeline;
    state.step = Math.min(Math.max(i, 0), line.live.length - 1);
    const e = stages[line.stage].equations[line.equations[state.step]];
    state.stage = line.stage;
    state.fold = false;
    state.cursor = e;
    refresh();
    show(e);
    drawRun();
  };
  const toggleRun = () => {
    state.run = !state.run;
    refresh();
    drawRun();
    if (state.run && data.timeline && data.timeline.live.length) goStep(state.step);
    paint(true);
  };

  // -- Keys --------------------------------------------------------------------------------------------------------------
  const toggles = {f: "fold", d: "changes", t: "plain"};
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ($("keys").open) return;
    if (event.target === $("search")) {
      if (event.key === "Enter") { goMatch(event.shiftKey ? -1 : 1); event.preventDefault(); }
      else if (event.key === "Escape") { $("search").value = state.query = ""; refresh(); program.focus(); }
      return;
    }
    const actions = {
      ArrowRight: () => goStage(state.stage + 1), ArrowLeft: () => goStage(state.stage - 1),
      ArrowDown: () => step(1), ArrowUp: () => step(-1),
      Enter: () => { if (event.target.closest("button, a")) return false; if (state.cursor) toggle(state.cursor); },
      "/": () => $("search").focus(), "?": () => $("keys").showModal(), n: () => goMatch(1), N: () => goMatch(-1),
      Escape: () => { light(null, ""); state.open.clear(); refresh(); },
      r: toggleRun, "[": () => goStep(state.step - 1), "]": () => goStep(state.step + (state.run ? 1 : 0)),
      s: () => moveInSource(0), p: () => program.focus(),
    };
    if (event.target === $("scrub") && event.key.startsWith("Arrow")) return;
    if (event.target.closest("#source")) Object.assign(actions, {
      ArrowDown: () => moveInSource(1), ArrowUp: () => moveInSource(-1),
      Enter: () => { if (event.target.matches(".p")) event.target.click(); },
    });
    let done = false;
    if (toggles[event.key]) { state[toggles[event.key]] = !state[toggles[event.key]]; refresh(); done = true; }
    else if (actions[event.key]) {
      if ("[]".includes(event.key) && !state.run) { if (data.timeline) { state.run = true; } }
      done = actions[event.key]() !== false;
    }
    if (done) event.preventDefault();
  });
  for (const id of ["fold", "changes", "plain"]) $(id).addEventListener("click", () => { state[id] = !state[id]; refresh(); });
  $("run").addEventListener("click", toggleRun);
  $("help").addEventListener("click", () => $("keys").showModal());
  $("back").addEventListener("click", () => goStage(state.stage - 1));
  $("next").addEventListener("click", () => goStage(state.stage + 1));
  $("scrub").max = stages.length - 1;
  $("scrub").addEventListener("input", event => goStage(Number(event.target.value)));
  $("search").addEventListener("input", event => {
    state.query = event.target.value;
    state.match = 0;
    refresh();
    if (matches.length) goMatch(0);
  });
  addEventListener("hashchange", follow);
  stages.forEach((stage, i) => {
    const count = stage.kind === "jaxpr" && !stage.error ? String(stage.equations.length) : "";
    const kind = stage.error ? "error" : stage.same !== null ? "same" : "";
    $("stages").append(make("button", {title: `${stage.title}: ${stage.change}`, class: kind, onclick: () => goStage(i)},
      label(stage), make("span", {class: "count"}, count), make("span", {class: "hits", hidden: ""})));
  });
  drawSource();
  $("static").hidden = true;
  $("app").hidden = false;
  document.body.classList.add("app");
  refresh();
  follow();
  program.focus();
  document.body.dataset.ready = "1";
  setTimeout(findChildren, 300);
})();
