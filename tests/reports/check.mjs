// Opens each report of a folder in headless Chromium: at two widths, light and dark, printed to PDF, and without script. Looks for violations of axe-core's rules, for
// anything that a page loads or says to the console, and for a page that is wider than its window. Called by run.
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [reports, shots, executablePath] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const widths = { phone: 390, desk: 1280 };
const schemes = ['light', 'dark'];
let passed = 0;
const failures = [];

function check(what, problems) {
    if (problems.length === 0) {
        passed++;
    } else {
        failures.push(`${what}: ${problems.join('; ')}`);
        console.log(`[-] ${failures.at(-1)}`);
    }
}

// What the page loads beside itself, and what it, or the browser about it, says.
function watch(page, url) {
    const seen = [];
    page.on('console', message => seen.push(`console ${message.type()}: ${message.text()}`));
    page.on('pageerror', error => seen.push(`error: ${error.message}`));
    page.on('request', request => request.url() === url || seen.push(`loads ${request.url()}`));
    return seen;
}

async function look(browser, file, widthName, scheme) {
    const name = `${basename(file, '.html')}-${widthName}-${scheme}`;
    const url = pathToFileURL(file).href;
    const context = await browser.newContext({ viewport: { width: widths[widthName], height: 900 }, colorScheme: scheme });
    const page = await context.newPage();
    const seen = watch(page, url);
    await page.goto(url);

    // Its policy lets nobody put a script into the page; the debugger's own evaluation is not asked.
    const found = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ['violations'] })`);
    check(`${name}, axe`, found.violations.map(one => `${one.id} (${one.nodes.length}): ${one.help}, ${one.nodes[0].html.slice(0, 120)}`));
    const width = await page.evaluate('[document.scrollingElement.scrollWidth, window.innerWidth]');
    check(`${name}, width`, width[0] > width[1] ? [`the page is ${width[0]} wide in a window of ${width[1]}`] : []);
    const texts = await page.evaluate(`[...document.querySelectorAll('figure > svg text')].filter(text => {
        const box = text.getBoundingClientRect(), around = text.ownerSVGElement.getBoundingClientRect();
        return box.left < around.left - 2 || box.right > around.right + 2;
    }).map(text => text.textContent)`);
    check(`${name}, texts of pictures`, texts.map(text => `'${text}' leaves its picture`));
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
    await page.evaluate(`document.querySelectorAll('details').forEach(one => one.open = true)`);
    const opened = await page.evaluate(`axe.run(document, { resultTypes: ['violations'] })`);
    check(`${name}, axe with every table open`, opened.violations.map(one => `${one.id} (${one.nodes.length}): ${one.help}, ${one.nodes[0].html.slice(0, 120)}`));
    const open = await page.evaluate('[document.scrollingElement.scrollWidth, window.innerWidth]');
    check(`${name}, width with every table open`, open[0] > open[1] ? [`the page is ${open[0]} wide in a window of ${open[1]}`] : []);
    check(`${name}, console and network`, seen);
    await context.close();
}

async function print(browser, file) {
    const name = basename(file, '.html');
    const url = pathToFileURL(file).href;
    const context = await browser.newContext({ colorScheme: 'dark', javaScriptEnabled: false });
    const page = await context.newPage();
    const seen = watch(page, url);
    await page.goto(url);
    const path = join(shots, `${name}.pdf`);
    await page.pdf({ path, format: 'A4', preferCSSPageSize: true });
    check(`${name}, printed without script`, statSync(path).size > 1000 ? seen : ['the PDF is empty']);
    await context.close();
}

mkdirSync(shots, { recursive: true });
const files = readdirSync(reports).filter(name => name.endsWith('.html')).sort().map(name => join(reports, name));
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
try {
    console.log(`Chromium ${browser.version()}, ${files.length} pages`);
    for (const file of files) {
        for (const width of Object.keys(widths)) {
            for (const scheme of schemes) {
                await look(browser, file, width, scheme);
            }
        }

        await print(browser, file);
    }
} finally {
    await browser.close();
}

console.log(`reports: ${passed} passed, ${failures.length} failed, 0 skipped`);
process.exit(failures.length > 0 || passed === 0 ? 1 : 0);
