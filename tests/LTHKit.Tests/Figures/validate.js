// node validate.js PLOTLY FIGURES: what Plotly.validate finds in each figure of a JSON file { name: figure }, as JSON on stdout.
// plotly.js wants a browser on loading; validation itself touches none of it, so one object that answers everything will do.
const any = new Proxy(function () {}, {
  get: (_, key) => key === Symbol.toPrimitive ? () => "" : key === Symbol.iterator ? undefined : key === "length" ? 0 : any,
  apply: () => any,
  construct: () => any,
  set: () => true,
});
for (const name of ["document", "DOMParser", "Image", "HTMLElement", "Element", "Blob", "Worker", "URL", "getComputedStyle", "matchMedia",
  "requestAnimationFrame"]) globalThis[name] = any;
globalThis.self = globalThis.window = globalThis;
globalThis.location = { href: "http://localhost/" };
Object.defineProperty(globalThis, "navigator", { value: { userAgent: "" }, configurable: true });

const plotly = require(process.argv[2]);
const figures = JSON.parse(require("fs").readFileSync(process.argv[3], "utf8"));
const found = {};
for (const [name, figure] of Object.entries(figures))
  found[name] = (plotly.validate(figure.data, figure.layout) || []).map(problem => problem.msg);
console.log(JSON.stringify(found));
