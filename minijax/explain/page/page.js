"use strict";
// The page of an explanation. The data is one compressed block; see html.py for its layout. Everything from it becomes text nodes.
(async () => {
  const $ = id => document.getElementById(id);
  const packed = Uint8Array.from(atob($("data").textContent.trim()), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(stream).text());
  if (data.layout !== 1) return;
  const ROLES = ["primal", "tangent", "cotangent", "batch"], ROW = 20;
  const text = i => data.strings[i];

  // -- The data as objects ---------------------------------------------------------------------------------------------
  const places = data.places.map(([file, line, column, endLine, endColumn, words, path], id) =>
    ({id, file, line, column, endLine, endColumn, words: text(words), path}));
  // Numbers that are stored as the difference to the one before.
  const sums = numbers => { let last = 0; return numbers.map(n => last += n); };
  const runs = ([lengths, numbers]) => {
    const all = sums(numbers);
    let i = 0;
    return lengths.map(length => all.slice(i, i += length));
  };
  // The printer's names of variables: a, b, ... z, ba, bb, ...
  const letters = n => {
    let name = "";
    for (n; name === "" || n > 0; n = Math.floor(n / 26)) name = String.fromCharCode(97 + n % 26) + name;
    return name;
  };
  const linesOf = stage => {
    const of = sums(stage.of);
    let k = 0, first = 0;
    const lines = stage.templates.map((template, i) => {
      const parts = text(template).split("\x01");
      let words = parts[0], own = 0;
      for (let p = 1; p < parts.length; p++) {
        own = p === 1 ? first += stage.variables[k++] : first + stage.variables[k++];
        words += letters(own) + parts[p];
      }
      return [words, of[i]];
    });
    for (const [i, file, line] of stage.from) lines[i].push(file, line);
    return lines;
  };
  const equationsOf = (stage, index) => {
    const [lengths, stagesOf] = stage.parentStages, parentStages = runs([lengths, stagesOf]), parents = sums(stage.parents), users = runs(stage.users);
    const numbers = sums(stage.sameNumber), bad = new Set(stage.bad), first = new Map();
    for (const [words, e] of stage.lines) if (e >= 0) first.set(e, (first.has(e) ? first.get(e) + " " : "") + words.trim());
    let k = 0;
    return stage.depth.map((depth, number) => {
      const words = first.get(number) || "", primitive = text(stage.primitive[number]), cut = words.indexOf(" = ");
      const binders = cut < 0 ? [] : words.slice(0, cut).split(" ").filter(Boolean).map(b => b.split(":"));
      const operands = stage.operands[number] < 0 ? words.slice(cut + 3 + primitive.length).trim().split(" ").map(o => o.split(":")[0]).join(", ") : text(stage.operands[number]);
      return {
        number, stage: index, depth, primitive, names: binders.map(b => b[0]).join(", "), types: binders.map(b => b[1]).join(", "), operands, words,
        place: stage.place[number] < 0 ? null : places[stage.place[number]], role: ROLES[stage.role[number]], rule: stage.rule[number],
        parents: parentStages[number].map(s => [s, parents[k++]]), users: index === 1 ? [number] : users[number],
        same: stage.sameStage[number] < 0 ? null : [stage.sameStage[number], numbers[number]],
        cost: [stage.flops[number], stage.transcendentals[number], stage.moved[number]], residual: stage.residual[number],
        value: text(stage.value[number]), finite: !bad.has(number), removed: null,
      };
    });
  };
  const stages = [];
  for (const [index, packed] of data.stages.entries()) {
    const stage = {...packed, index};
    if (stage.same !== null) {
      // The same text as a stage before: the same lines, and equations that are those.
      stage.lines = stages[stage.same].lines;
      stage.equations = stages[stage.same].equations.map(e => ({...e, stage: index, same: [stage.same, e.number], parents: [[stage.same, e.number]], removed: null}));
    } else {
      stage.lines = linesOf(stage);
      stage.equations = equationsOf(stage, index);
    }
    for (const [number, at, why] of stage.removed) stage.equations[number].removed = {stage: at, why: text(why)};
    stages.push(stage);
  }
  if (data.timeline) for (const key of ["live", "equations"]) data.timeline[key] = sums(data.timeline[key]);
  for (const version of data.versions) version[4] = sums(version[4]);
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
  const state = {stage: Math.min(1, stages.length - 1), lit: null, litWords: "", cursor: null, open: new Set(), fold: true, changes: true,
                 plain: false, run: false, step: 0, query: "", match: 0, unfolded: new Set()};
  let rows = [], matches = [];
  const name = e => stages[e.stage].name + "." + e.number;

  // Whether a line or an equation comes from what is lit: a set of equations of the jaxpr stage.
  const isLit = e => state.lit !== null && e.users.some(u => state.lit.has(u));
  let litSource = new Set();
  const light = (users, words) => {
    state.lit = users && users.size ? users : null;
    state.litWords = words;
    state.unfolded.clear();
    litSource = new Set();
    if (state.lit) for (const u of state.lit) {
      const p = stages[1].equations[u].place;
      if (p) for (let n = p.line; n <= p.endLine; n++) litSource.add(p.file + ":" + n);
    }
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
  const firstText = e => {
    const stage = stages[e.stage], line = stage.lines.find(l => l[1] === e.number);
    return line ? line[0] : e.names + " = " + e.primitive;
  };
  const build = () => {
    const stage = stages[state.stage];
    rows = [];
    if (stage.error) { rows.push({kind: "note", text: stage.error}); return; }
    const gone = state.changes ? goneRows(stage) : new Map(), seen = new Set();
    const pushGone = key => { for (const e of gone.get(key) || []) rows.push({kind: "gone", text: firstText(e), e}); };
    const base = stage.name.startsWith("pass") ? before(stage) : null;
    let folded = 0, foldStart = -1;
    const flush = () => {
      if (folded) rows.push({kind: "folded", text: `    ⋯ ${folded} line${folded > 1 ? "s" : ""} of other expressions`, start: foldStart});
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
    const link = other => ({href: "#" + name(other), text: `${label(stages[other.stage])}: ${firstText(other).trim()}`});
    if (e.place) add("expression", {text: e.place.words, place: e.place}, `   ${e.place.path}:${e.place.line}:${e.place.column}`);
    add("type", e.types + "   " + e.role);
    if (e.value) add(e.finite ? "value" : "NOT FINITE", e.value);
    const [flops, transcendentals, moved] = e.cost;
    add("cost", `${short(flops)} FLOPs` + (transcendentals ? `, ${short(transcendentals)} exp etc.` : "") + `, ${bytes(moved)} read and written` +
      (e.residual ? `; kept for the way back: ${bytes(e.residual)}` : ""));
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
    if (e.removed) add("goes", `${e.removed.why}`, {href: "#" + stages[e.removed.stage].name, text: `  ${stages[e.removed.stage].title}`});
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
    if (kind === "gone") return make("div", {class: `row gone ${e.role}`, title: e.removed.why}, make("span", {class: "no"}, "−"),
      make("span", {class: "t"}, row.text.match(/^ */)[0], make("s", {}, row.text.trim())), make("span", {class: "e"}, e.removed.why));
    const classes = ["row", kind === "text" ? (/^\s*(#|\/\/)/.test(row.text) ? "note" : "") : "eq"];
    if (e) classes.push(e.role, row.first && e.residual ? "kept" : "", row.isNew ? "new" : "", e.finite ? "" : "bad");
    if (kind === "note") classes.push("gone");
    if (row.lit) classes.push("lit");
    if (e && state.cursor === e) classes.push("cursor");
    const number = row.first ? make("a", {class: "no", href: "#" + name(e), title: "link to this equation"}, String(e.number)) : make("span", {class: "no"});
    const element = make("div", {class: classes.filter(Boolean).join(" "), id: row.first ? "row-" + e.number : null}, number, make("span", {class: "t"}, ...marked(row.text)));
    if (row.first && e.residual) element.append(make("span", {class: "keep"}, `kept ${bytes(e.residual)}`));
    if (row.first && e.place) element.append(make("span", {class: "e"}, e.place.words.length > 60 ? e.place.words.slice(0, 59) + "…" : e.place.words));
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
    $("change").replaceChildren(make("b", {}, stage.title + ". "), stage.error ? make("span", {class: "error"}, stage.change) : stage.change,
      stage.kind === "jaxpr" && !stage.error ? ` ${stage.equations.length} equations, ${short(flops)} FLOPs, ${short(transcendentals)} exp etc., ${bytes(stage.bytes)}.` : "",
      state.lit ? ` Lit: what comes from ${state.litWords}` : "");
    for (const span of document.querySelectorAll("#source .p")) {
      const ids = span.dataset.p.split(" ").map(Number);
      span.classList.toggle("on", state.lit !== null && usersOf([places[ids[0]]]).some(u => state.lit.has(u)));
      if (state.lit && span.classList.contains("on") && litWas !== state.lit) { span.scrollIntoView({block: "nearest", inline: "nearest"}); litWas = state.lit; }
      span.classList.toggle("half", state.lit !== null && !span.classList.contains("on") && ids.some(i => usersOf([places[i]]).some(u => state.lit.has(u))));
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
    else if (y < program.scrollTop + ROW || y > program.scrollTop + program.clientHeight - 3 * ROW) program.scrollTop = y - program.clientHeight / 3;
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
    const users = new Set(usersOf(list));
    // A line of a rule of the user's has no equation in the jaxpr: light what it wrote.
    if (!users.size) for (const s of stages) for (const e of s.equations) if (list.includes(e.place)) e.users.forEach(u => users.add(u));
    light(users, list[0] ? list[0].words : "");
    state.cursor = null;
    refresh();
    const i = rows.findIndex(r => r.lit);
    if (i >= 0 && (i * ROW < program.scrollTop || i * ROW > program.scrollTop + program.clientHeight - ROW)) { program.scrollTop = Math.max(0, i - 3) * ROW; paint(true); }
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
  const address = hash => { try { history.replaceState(null, "", hash); } catch (error) { if (error.name !== "SecurityError") throw error; } };
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
    if (other && rowOf(other) >= 0) show(other, Math.min(Math.max(y, 0), program.clientHeight - 2 * ROW)); else { program.scrollTop = 0; paint(true); }
    program.classList.remove("scrubbed"); void program.offsetWidth; program.classList.add("scrubbed");
    const button = $("stages").children[index];
    button.scrollIntoView({block: "nearest", inline: "nearest"});
    address("#" + (state.cursor ? name(state.cursor) : stages[index].name));
  };
  const step = by => {
    const candidates = rows.filter(r => r.first).map(r => r.e);
    if (!candidates.length) { program.scrollTop += by * ROW; return; }
    const i = candidates.indexOf(state.cursor);
    const next = i < 0 ? (by > 0 ? candidates[0] : candidates[candidates.length - 1]) : candidates[Math.min(Math.max(i + by, 0), candidates.length - 1)];
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
          const over = here.filter(p => { const [a, b] = span(p); return a <= cuts[i] && b >= cuts[i + 1]; }).sort((a, b) => size(a) - size(b));
          if (!over.length) row.append(words);
          else row.append(make("span", {class: "p", "data-p": over.map(p => p.id).join(" "), title: over[0].words,
            onclick: () => lightPlaces(data.places.length ? here.filter(p => p.line === over[0].line && p.column === over[0].column && p.endLine === over[0].endLine && p.endColumn === over[0].endColumn) : [])}, words));
        }
        $("source").append(row);
      }
    });
  };

  // -- Run it ------------------------------------------------------------------------------------------------------------
  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  let other = -1;
  const drawRun = () => {
    const line = data.timeline, panel = $("memory");
    panel.hidden = !state.run || !line || !line.live.length;
    if (panel.hidden) return;
    const steps = line.live.length, i = state.step = Math.min(Math.max(state.step, 0), steps - 1);
    const e = stages[line.stage].equations[line.equations[i]];
    const versions = data.versions.filter(v => !v[5]);
    const extra = other >= 0 ? versions[other] : null;
    const most = Math.max(line.peak, extra ? extra[3] : 0, 1), width = 1000, height = 100;
    const curve = live => live.map((b, k) => `${(k * width / live.length).toFixed(1)},${(height - b * height / most).toFixed(1)} ${((k + 1) * width / live.length).toFixed(1)},${(height - b * height / most).toFixed(1)}`).join(" ");
    const picture = svg("svg", {viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `memory over ${steps} steps, at most ${bytes(line.peak)}`});
    picture.append(svg("polygon", {class: "area", points: `0,${height} ${curve(line.live)} ${width},${height}`}));
    if (extra) picture.append(svg("polyline", {class: "other", points: curve(extra[4])}));
    const shown = [...line.residuals].sort((a, b) => b[2] - a[2]).slice(0, 60).sort((a, b) => a[4] - b[4]);
    const thick = Math.min(6, height * .8 / Math.max(shown.length, 1));
    shown.forEach(([label, type, size, equation, made, used], k) => {
      const x = Math.max(made, 0) * width / steps;
      const bar = svg("rect", {class: "bar" + (made <= i && i <= used ? " now" : ""), x, y: 4 + k * thick * 1.2, width: (used + 1) * width / steps - x, height: thick});
      bar.append(svg("title", {}));
      bar.firstChild.textContent = `${label}:${type} ${bytes(size)}`;
      picture.append(bar);
    });
    const upright = (k, cls) => picture.append(svg("line", {class: cls, x1: (k + .5) * width / steps, x2: (k + .5) * width / steps, y1: 0, y2: height}));
    if (line.backward !== null) upright(line.backward - .5, "turn");
    if (line.bad !== null) upright(line.bad, "badat");
    upright(i, "at");
    picture.addEventListener("click", event => goStep(Math.floor((event.clientX - picture.getBoundingClientRect().left) / picture.clientWidth * steps)));
    const held = line.residuals.filter(r => r[4] <= i && i <= r[5]);
    const sum = e.rule >= 0 && data.rules[e.rule][1] === "sum";
    panel.replaceChildren(
      make("div", {class: "controls"},
        make("button", {onclick: () => goStep(0)}, "start"), make("button", {id: "stepback", onclick: () => goStep(i - 1)}, "[ back"), make("button", {id: "stepon", onclick: () => goStep(i + 1)}, "] on"),
        line.backward === null ? "" : make("button", {onclick: () => goStep(line.backward)}, "to the turn"),
        make("button", {onclick: () => goStep(line.peakStep)}, "to the peak"),
        line.bad === null ? "" : make("button", {class: "warn", onclick: () => goStep(line.bad)}, "to the first NaN or infinity"),
        make("span", {}, `step ${i + 1} of ${steps}, ${line.backward === null ? "" : i < line.backward ? "forwards, " : "backwards, "}${bytes(line.live[i])} in memory, at most ${bytes(line.peak)}`)),
      picture,
      make("div", {class: "two"}, make("div", {},
      make("p", {class: "step"}, firstText(e).trim() + "\n= " + (e.value || "(not computed)") + (sum ? "\ncotangents add up here: " + e.operands.split(", ").join(" + ") : "") + (e.finite ? "" : "\na NaN or an infinity arises here")),
      make("p", {}, `Kept for the way back now: ${held.length ? held.slice(0, 12).map(r => `${r[0]}:${r[1]} ${bytes(r[2])}`).join(", ") + (held.length > 12 ? ` and ${held.length - 12} more` : "") : "nothing"}.`)),
      make("div", {class: "scroll"}, make("table", {}, make("thead", {}, make("tr", {}, ...["version", "equations", "FLOPs", "peak", ""].map(h => make("th", {}, h)))),
        make("tbody", {}, ...versions.map((v, k) => make("tr", {}, make("td", {}, v[0]), make("td", {class: "n"}, String(v[1])), make("td", {class: "n"}, short(v[2])), make("td", {class: "n"}, bytes(v[3])),
          make("td", {}, make("button", {"aria-pressed": other === k, onclick: () => { other = other === k ? -1 : k; drawRun(); }}, other === k ? "hide" : "beside")))))))));
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
  const toggleRun = () => { state.run = !state.run; refresh(); drawRun(); if (state.run && data.timeline && data.timeline.live.length) goStep(state.step); paint(true); };

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
      Enter: () => { if (event.target.closest("button, a, .p")) return false; if (state.cursor) toggle(state.cursor); },
      "/": () => $("search").focus(), "?": () => $("keys").showModal(), n: () => goMatch(1), N: () => goMatch(-1),
      Escape: () => { light(null, ""); state.open.clear(); refresh(); },
      r: toggleRun, "[": () => goStep(state.step - 1), "]": () => goStep(state.step + (state.run ? 1 : 0)),
      s: () => $("source").focus(), p: () => program.focus(),
    };
    if (event.target === $("scrub") && event.key.startsWith("Arrow")) return;
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
  $("search").addEventListener("input", event => { state.query = event.target.value; state.match = 0; refresh(); if (matches.length) goMatch(0); });
  addEventListener("hashchange", follow);
  stages.forEach((stage, i) => $("stages").append(make("button", {title: stage.title + ": " + stage.change, class: stage.error ? "error" : stage.same !== null ? "same" : "",
    onclick: () => goStage(i)}, label(stage),
    make("span", {class: "count"}, stage.kind === "jaxpr" && !stage.error ? String(stage.equations.length) : ""), make("span", {class: "hits", hidden: ""}))));
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
