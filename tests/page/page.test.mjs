// The live page in a real browser: what it shows is what `penstock audit` says, for whoever looks at it, and it asks nobody else.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const { PENSTOCK, CHROMIUM, PICTURES, MODULES } = process.env;
const require = createRequire(path.join(MODULES, "any.js"));
const { chromium } = require("playwright-core");
const AXE = require.resolve("axe-core/axe.min.js");

let browser;
let folder;

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "penstock-page-"));
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
});

after(async () => {
  await browser?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

// ---- the program

const lakeNamed = (name) => path.join(folder, name);

async function penstock(...args) {
  return promisify(execFile)(PENSTOCK, args, { maxBuffer: 64 << 20 });
}

async function audit(lake, dataset = "iot") {
  const { stdout } = await penstock("audit", "--json", "--lake", lake, "--dataset", dataset);
  return JSON.parse(stdout);
}

// Starts a command that serves the page on a free port, and ends it with the test.
async function serving(context, ...args) {
  const child = spawn(PENSTOCK, [...args, "--serve", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  context.after(async () => {
    await closePages();
    child.kill("SIGKILL");
    await ended;
  });
  child.stdout.resume();
  const said = [];
  const url = await new Promise((resolve, reject) => {
    createInterface(child.stderr).on("line", (line) => {
      said.push(line);
      const found = /the page is at (http:\S+)/.exec(line);
      if (found) resolve(found[1]);
    });
    child.on("exit", (code) => reject(new Error(`ended with ${code}: ${said.join("\n")}`)));
  });
  const interrupt = async () => {
    child.kill("SIGINT");
    return ended;
  };
  return { url, interrupt };
}

// ---- the browser

// The pages of a test, each with what closes it.
const opened = [];

async function closePages() {
  for (const close of opened.splice(0)) await close();
}

// Opens the page. Any message on the console, error, or request to anybody else fails the test.
async function open(url, { width = 1280, height = 900, colorScheme = "light", mayFail = () => false } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  const wrong = [];
  page.on("console", (message) => mayFail(message.text()) || wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== "data:") wrong.push(`request: ${request.url()}`);
  });
  opened.push(async () => {
    await page.close();
    assert.deepEqual(wrong, []);
  });
  await page.goto(url);
  return page;
}

const text = (page, id) => page.locator(`#${id}`).textContent();
const shown = (number) => number.toLocaleString("en");

async function until(page, condition, argument) {
  await page.waitForFunction(condition, argument, { timeout: 120_000 });
}

const untilText = (page, id, expected) =>
  until(page, ([id, expected]) => document.getElementById(id).textContent === expected, [id, expected]);

async function assertSaysWhatTheAuditSays(page, lake) {
  const report = await audit(lake);
  assert.deepEqual(report.findings, []);
  await untilText(page, "landed", shown(report.landed));
  for (const name of ["landed", "silver", "duplicates", "rejected", "waiting"]) {
    await untilText(page, name, shown(report[name]));
  }
  assert.equal(await text(page, "verdict"), "balances, by count and by checksum");
  const windows = await page.locator(".tile[data-key=Windows]").textContent();
  assert.ok(windows.includes(`${shown(report.windows_on_time)} written`), windows);
  assert.ok(windows.includes(`for ${shown(report.late_events)} late event`), windows);
  const reasons = await page.locator("#reasons > li").evaluateAll((items) =>
    Object.fromEntries(items.map((item) => [item.dataset.key, Number(item.querySelector(".number").textContent.replaceAll(",", ""))])));
  assert.deepEqual(reasons, report.rejected_by_reason);
  const landed = await page.locator("#partitions tbody tr").evaluateAll((rows) =>
    rows.map((row) => [row.cells[0].textContent, Number(row.cells[2].textContent.replaceAll(",", "")), row.cells[6].textContent]));
  assert.deepEqual(landed, report.chains.map((chain) => [String(chain.partition.kafka), chain.landed, shown(Number(chain.tail))]));
  return report;
}

async function assertAccessible(page) {
  // The policy of the page lets no script in but its own; that of a test comes by the debugger.
  await page.evaluate(fs.readFileSync(AXE, "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join("\n")}`), []);
}

async function assertFits(page) {
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
}

const picture = (page, name) => page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true });

// ---- the tests

test("a run is shown as it flows, until it is interrupted", async (context) => {
  const { url, interrupt } = await serving(context, "run", "--lake", lakeNamed("flow"), "--forever", "--rate", "2000");
  const page = await open(url);
  await untilText(page, "status", "live");
  await until(page, () => 0 < Number(document.getElementById("landed").textContent.replaceAll(",", "")));
  const early = await text(page, "landed");
  await until(page, (early) => document.getElementById("landed").textContent !== early, early);
  await until(page, () => document.querySelector("#arrivals svg rect") && document.querySelector("#windows svg rect"));
  assert.match(await page.locator(".tile").nth(1).textContent(), /in the log/);
  await picture(page, "flow");
  await closePages();
  assert.equal(await interrupt(), 0);
});

test("what is shown of a run at its end is what the audit and the answer say", async (context) => {
  const lake = lakeNamed("end");
  const { url, interrupt } = await serving(context, "run", "--lake", lake, "--events", "60000", "--malformed", "0.005");
  const page = await open(url);
  await untilText(page, "landed", "60,000");
  // The last cut of a run closes all windows.
  await until(page, () => document.querySelector(".tile[data-key=Windows] dd").textContent === "0 open" && document.getElementById("waiting").textContent === "0");
  await assertSaysWhatTheAuditSays(page, lake);

  const { stdout } = await penstock("p95", "--json", "--lake", lake);
  const answer = JSON.parse(stdout).rows;
  await until(page, (rows) => document.querySelectorAll("#answer tbody tr").length === rows, answer.length);
  const distinct = () => page.locator("#answer tbody tr").evaluateAll((rows) => rows.map((row) => [row.cells[1].textContent, row.cells[2].textContent, row.cells[7].textContent]));
  const digits = new Intl.NumberFormat("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 });
  const expected = answer.map((row) => [row.group, digits.format(row.p95), shown(row.distinct_events)]);
  await until(page, (last) => document.querySelector("#answer tbody tr:last-child").cells[7].textContent === last, expected.at(-1)[2]);
  assert.deepEqual(await distinct(), expected);

  await closePages();
  assert.equal(await interrupt(), 0);
});

test("light and dark, on a desk and on a phone, everything fits and can be read", async (context) => {
  const lake = lakeNamed("looks");
  await penstock("run", "--lake", lake, "--events", "30000", "--malformed", "0.01");
  const { url } = await serving(context, "watch", "--lake", lake);
  for (const [name, width, colorScheme] of [["desk-light", 1280, "light"], ["desk-dark", 1280, "dark"], ["phone-light", 390, "light"], ["phone-dark", 390, "dark"]]) {
    const page = await open(url, { width, colorScheme });
    await assertSaysWhatTheAuditSays(page, lake);
    await until(page, () => document.querySelector("#answer tbody tr"));
    await picture(page, name);
    await assertFits(page);
    await assertAccessible(page);
  }
});

test("a lake that does not exist is said, and shown once it is there; and when it goes, that is said, too", async (context) => {
  const lake = lakeNamed("later");
  const { url } = await serving(context, "watch", "--lake", lake);
  const page = await open(url);
  await untilText(page, "status", "cannot read the lake");
  assert.match(await text(page, "problem-text"), /later/);
  assert.equal(await text(page, "verdict"), "nothing has landed yet");
  await picture(page, "no-lake");
  await assertAccessible(page);
  await penstock("run", "--lake", lake, "--events", "0");
  await untilText(page, "status", "live");
  assert.equal(await text(page, "landed"), "0");
  await picture(page, "no-events");
  await assertAccessible(page);
  await penstock("run", "--lake", lake, "--events", "2000", "--new");
  await untilText(page, "landed", "2,000");
  await assertSaysWhatTheAuditSays(page, lake);
  fs.renameSync(lake, lakeNamed("elsewhere"));
  await untilText(page, "status", "cannot read the lake");
  fs.renameSync(lakeNamed("elsewhere"), lake);
  await untilText(page, "status", "live");
});

test("256 partitions are all there, and can be put in another order by keyboard alone", async (context) => {
  const lake = lakeNamed("many");
  const { url } = await serving(context, "run", "--lake", lake, "--events", "60000", "--partitions", "256");
  const page = await open(url, { colorScheme: "dark" });
  await until(page, () => document.querySelectorAll("#partitions tbody tr").length === 256);
  await assertSaysWhatTheAuditSays(page, lake);
  await picture(page, "many-partitions");
  await assertAccessible(page);
  await assertFits(page);

  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the numbers");
  for (let presses = 0; (await focused()) !== "Landed"; presses += 1) {
    assert.ok(presses < 20, "the button is reached by Tab");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelector("th[aria-sort]").textContent === "Landed");
  const landed = await page.locator("#partitions tbody tr").evaluateAll((rows) => rows.map((row) => Number(row.cells[2].textContent.replaceAll(",", ""))));
  assert.deepEqual(landed, [...landed].sort((a, b) => b - a));
});

test("what records hold is text, whatever it says, and samples stay open while the page goes on", async (context) => {
  const lake = lakeNamed("hostile");
  const input = path.join(folder, "hostile.ndjson");
  const attack = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;
  fs.writeFileSync(input, `${attack}\n{"event_id": "${attack.replaceAll('"', '\\"')}"}\n`.repeat(20));
  await penstock("run", "--lake", lake, "--input", input);
  const { url } = await serving(context, "watch", "--lake", lake);
  const page = await open(url);
  const reason = page.locator("#reasons summary").first();
  await reason.focus();
  await page.keyboard.press("Enter");
  const sample = page.locator("#reasons li").first().locator("pre").first();
  await sample.waitFor();
  assert.match(await sample.textContent(), /<img src=x/);
  await penstock("run", "--lake", lake, "--events", "500", "--new");
  await untilText(page, "landed", "540");
  assert.ok(await sample.isVisible());
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "SUMMARY");
  assert.equal(await page.locator("img, pre script").count(), 0);
  assert.notEqual(await page.title(), "taken");
  await picture(page, "samples");
});

test("a dataset that the lake does not hold is said, with those that it holds", async (context) => {
  const lake = lakeNamed("later");
  const { url } = await serving(context, "watch", "--lake", lake, "--dataset", "numbers");
  const page = await open(url);
  await until(page, () => !document.getElementById("problem").hidden);
  assert.match(await text(page, "problem-text"), /nothing of the dataset numbers\. It holds iot/);
});

test("a server that ends is said", async (context) => {
  const lake = lakeNamed("later");
  const first = await serving(context, "watch", "--lake", lake);
  const refused = (message) => message.includes("net::ERR");
  const page = await open(first.url, { mayFail: refused });
  await untilText(page, "status", "live");
  assert.equal(await first.interrupt(), 0);
  await untilText(page, "status", "no connection, trying again");
});

test("an address that is taken is refused with the remedy, before anything is written", async () => {
  const taken = net.createServer();
  await new Promise((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${taken.address().port}`;
  const lake = lakeNamed("never");
  try {
    const failure = await penstock("run", "--lake", lake, "--events", "10", "--serve", address).catch((error) => error);
    assert.equal(failure.code, 2);
    assert.match(failure.stderr, /another program listens there: name another port/);
    assert.ok(!failure.stderr.includes("sent"));
  } finally {
    taken.close();
  }
});
