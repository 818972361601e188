"use strict";
// The data of a page, which is one compressed block, as objects. html.py writes the block, and says how.
const readData = async encoded => {
  const packed = Uint8Array.from(atob(encoded), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(stream).text());
  if (data.layout !== 1) throw new Error(`the data has layout ${data.layout}`);
  const ROLES = ["primal", "tangent", "cotangent", "batch"];
  const text = i => data.strings[i];
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
    const parentStages = runs(stage.parentStages), parents = sums(stage.parents), users = runs(stage.users);
    const numbers = sums(stage.sameNumber), bad = new Set(stage.bad), first = new Map();
    for (const [words, e] of stage.lines) if (e >= 0) first.set(e, (first.has(e) ? first.get(e) + " " : "") + words.trim());
    let k = 0;
    return stage.depth.map((depth, number) => {
      const words = first.get(number) || "", primitive = text(stage.primitive[number]), cut = words.indexOf(" = ");
      const binders = cut < 0 ? [] : words.slice(0, cut).split(" ").filter(Boolean).map(b => b.split(":"));
      // Where the line ends in the operands, they are not stored.
      const behind = () => words.slice(cut + 3 + primitive.length).trim().split(" ").map(o => o.split(":")[0]).join(", ");
      const operands = stage.operands[number] < 0 ? behind() : text(stage.operands[number]);
      return {
        number, stage: index, depth, primitive, operands, words,
        names: binders.map(b => b[0]).join(", "), types: binders.map(b => b[1]).join(", "),
        place: stage.place[number] < 0 ? null : places[stage.place[number]],
        call: stage.call[number] < 0 ? null : places[stage.call[number]],
        role: ROLES[stage.role[number]], rule: stage.rule[number],
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
      stage.equations = stages[stage.same].equations.map(e =>
        ({...e, stage: index, same: [stage.same, e.number], parents: [[stage.same, e.number]], removed: null}));
    } else {
      stage.lines = linesOf(stage);
      stage.equations = equationsOf(stage, index);
    }
    for (const [number, at, why] of stage.removed) stage.equations[number].removed = {stage: at, why: text(why)};
    stages.push(stage);
  }
  if (data.timeline) for (const key of ["live", "equations"]) data.timeline[key] = sums(data.timeline[key]);
  for (const version of data.versions) version[4] = sums(version[4]);
  return {...data, places, stages, text};
};
